/** Opens and closes a block of code. */
export const fence = "```";

const WIDTH = 120;

export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
}

/** Items of a list, in lines of readable length. */
export function list(items: readonly string[]): string {
  return items.map((item) => wrapped(`- ${item}`, "  ")).join("\n");
}

/** A paragraph in lines of readable length. */
export function wrapped(paragraph: string, indent = ""): string {
  const lines = [""];
  for (const word of paragraph.split(" ")) {
    const line = lines.at(-1) ?? "";
    if (line === "") lines[lines.length - 1] = word;
    else if (line.length + word.length < WIDTH) lines[lines.length - 1] = `${line} ${word}`;
    else lines.push(`${indent}${word}`);
  }
  return lines.join("\n");
}
