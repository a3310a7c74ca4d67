import type { Flags } from "./arguments.js";
import type { Command } from "./command.js";
import { exits } from "./exit-codes.js";

const WIDTH = 96;

/** What `spanbus --help` prints. */
export function overview(commands: readonly Command[]): string {
  return [
    "Watch your agents while they run.",
    section("Usage", ["spanbus <command> [options]"]),
    section("Commands", columns(commands.map(({ name, says }) => [name, says]))),
    section(
      "Options",
      columns([
        ["--help", "this text, or that of a command: spanbus tail --help"],
        ["--version", "the version"],
      ]),
    ),
    section("Examples", columns(commands.flatMap(({ examples }) => examples.slice(0, 1).map(exampleRow)))),
  ].join("\n");
}

/** What `spanbus <command> --help` prints. */
export function manual({ name, says, operand, flags, notes, examples, exits: possible }: Command): string {
  const usage = ["spanbus", name, ...(operand ? [operand.name] : []), "[options]"].join(" ");
  return [
    ...wrapped(says, WIDTH),
    section("Usage", [usage]),
    ...(operand ? [section("Arguments", columns([[operand.name, operand.says]]))] : []),
    section("Options", columns(flagRows(flags))),
    ...notes.map((note) => ["", ...wrapped(note, WIDTH)].join("\n")),
    section("Examples", columns(examples.map(exampleRow))),
    section("Exit codes", columns(possible.map((exit) => [String(exits[exit].code), exits[exit].says]))),
  ].join("\n");
}

function flagRows(flags: Flags): [string, string][] {
  return Object.entries(flags).map(([name, { value, says }]) => [
    value === undefined ? `--${name}` : `--${name} ${value}`,
    says,
  ]);
}

function exampleRow({ call, says }: { readonly call: string; readonly says: string }): [string, string] {
  return [call, says];
}

function section(title: string, lines: readonly string[]): string {
  return [`\n${title}:`, ...lines.map((line) => `  ${line}`)].join("\n");
}

/** Two columns; what is too long for the second goes on below it. */
function columns(rows: readonly (readonly [string, string])[]): string[] {
  const width = Math.max(...rows.map(([first]) => first.length));
  return rows.flatMap(([first, second]) =>
    wrapped(second, WIDTH - width - 4).map((line, index) => `${(index === 0 ? first : "").padEnd(width)}  ${line}`),
  );
}

function wrapped(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= width) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}
