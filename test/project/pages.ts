/** A fenced block of a Markdown page. */
export interface Block {
  readonly tag: string;
  readonly code: string;
  /** Line of the opening fence, from 1. */
  readonly line: number;
  /** `<!-- continues -->` stands before it: it goes on where the block before it ended. */
  readonly continues: boolean;
}

/** Blocks of a page that run as one program, and what the page says they print. */
export interface Program {
  readonly tag: "ts" | "js" | "sh";
  readonly line: number;
  readonly code: string;
  /** Undefined: the page does not say. */
  readonly prints: string | undefined;
}

const runnable: readonly string[] = ["ts", "js", "sh"];
/** `ts elsewhere` and `py`: code of other libraries. */
const silent: readonly string[] = ["", "json", "http", "mermaid", "diff", "py", "ts elsewhere"];

export function blocksOf(page: string): Block[] {
  const blocks: Block[] = [];
  let open: { fence: string; indent: string; block: { tag: string; line: number; continues: boolean } } | undefined;
  let lines: string[] = [];
  let continues = false;
  for (const [index, line] of page.split("\n").entries()) {
    const [, indent = "", fence = "", tag = ""] = /^( *)(`{3,})([^`]*)$/.exec(line) ?? [];
    if (!open) {
      if (fence) {
        open = { fence, indent, block: { tag: tag.trim(), line: index + 1, continues } };
        lines = [];
        continues = false;
      } else if (line.trim()) continues = line.trim() === "<!-- continues -->";
    } else if (fence.length >= open.fence.length && !tag.trim()) {
      blocks.push({ ...open.block, code: lines.join("\n") });
      open = undefined;
    } else lines.push(line.startsWith(open.indent) ? line.slice(open.indent.length) : line);
  }
  if (open) throw new Error(`line ${open.block.line}: the block is not closed`);
  return blocks;
}

/** The programs of a page. Throws with the line for a tag it does not know, or for blocks that do not fit together. */
export function programsOf(blocks: readonly Block[]): Program[] {
  const programs: Program[] = [];
  for (const { tag, code, line, continues } of blocks) {
    const last = programs.at(-1);
    if (tag === "text" || continues) {
      if (!last) throw new Error(`line ${line}: no program before it`);
      if (continues && tag !== last.tag) throw new Error(`line ${line}: continues a block of another language`);
      const prints = tag === "text" ? joined(last.prints, code) : last.prints;
      programs[programs.length - 1] = { ...last, code: continues ? joined(last.code, code) : last.code, prints };
    } else if (runnable.includes(tag)) {
      programs.push({ tag: tag as Program["tag"], line, code, prints: undefined });
    } else if (!silent.includes(tag)) {
      throw new Error(
        `line ${line}: unknown tag \`${tag}\`; use ts, js, sh, json, text, http, mermaid, diff, py, ts elsewhere or none`,
      );
    }
  }
  return programs;
}

function joined(before: string | undefined, code: string): string {
  return before === undefined ? code : `${before}\n${code}`;
}

/** Whether a program printed what its page says. `…` stands for anything within a line; on a line of its own, for any lines. */
export function printed(expected: string, output: string): boolean {
  const lines = expected.trimEnd().split("\n");
  const pattern = lines.map((line) =>
    line.trim() === "…" ? "(?:.*\\n)*?" : `${line.trimEnd().split("…").map(escaped).join(".*")}[ \\t]*\\n`,
  );
  return new RegExp(`^${pattern.join("")}$`).test(`${output.trimEnd()}\n`);
}

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}

/** What the commands of a `sh` block are checked against. */
export interface Manifest {
  readonly name: string;
  readonly scripts: Readonly<Record<string, string>>;
  readonly bin?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
}

/** The commands of a `sh` block that nothing checks: they are not on the list, or name something that does not exist. */
export function unknownCommands(code: string, manifest: Manifest, exists: (path: string) => boolean): string[] {
  return commandsOf(code).filter((command) => {
    const [program = "", ...args] = command.split(/\s+/).filter((word) => !/^[A-Z_]+=/.test(word));
    const [verb = "", ...rest] = args;
    if (program === "npm") return !knownNpm(verb, rest, manifest);
    if (program === "npx" && verb === "tsx") return rest[0] === undefined || !exists(rest[0]);
    if (program === "npx" && verb === "vitest") return rest[0] !== "run" || !exists(rest[1] ?? "");
    if (program === "npx") return !(verb in (manifest.bin ?? {}));
    return !(program === ".ci/run" && args.length === 0 && exists(program));
  });
}

export function commandsOf(code: string): string[] {
  return code
    .replace(/\\\n/g, " ")
    .replace(/(^|\s)#.*$/gm, "")
    .split(/&&|\n/)
    .map((command) => command.trim())
    .filter(Boolean);
}

function knownNpm(verb: string, args: readonly string[], manifest: Manifest): boolean {
  const packages = { [manifest.name]: "", ...manifest.peerDependencies, ...manifest.devDependencies };
  switch (verb) {
    case "ci":
      return args.length === 0;
    case "install":
      return args.length > 0 && args.every((arg) => /^(-D|--save-dev)$/.test(arg) || arg in packages);
    case "start":
    case "test":
      return verb in manifest.scripts;
    case "run":
      return (args[0] ?? "") in manifest.scripts;
    default:
      return false;
  }
}
