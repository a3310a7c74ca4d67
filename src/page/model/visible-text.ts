/** A piece of untrusted text: as it may be shown, or in place of something that would not be seen or would act. */
export interface Piece {
  readonly text: string;
  /** It stands for characters that are not shown themselves. */
  readonly isMark: boolean;
}

/**
 * Terminal sequences as a whole, then what a reader would not see or what turns the text around: controls, direction
 * marks, characters without width, tags and halves of a pair. Line feed and tab are left to the caller; joiners belong to
 * scripts and emoji.
 */
const hidden =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  /\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?|[\0-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]|[\u{e0000}-\u{e007f}]|\p{Surrogate}/gu;

/** Takes a text apart into what is shown and marks for what is not. */
export function piecesOf(text: string): readonly Piece[] {
  const pieces: Piece[] = [];
  let from = 0;
  for (const match of text.matchAll(hidden)) {
    if (match.index > from) pieces.push({ text: text.slice(from, match.index), isMark: false });
    pieces.push({ text: markOf(match[0]), isMark: true });
    from = match.index + match[0].length;
  }
  if (from < text.length || pieces.length === 0) pieces.push({ text: text.slice(from), isMark: false });
  return pieces;
}

/** The same as one string, for labels that hold nothing but text. On one line, and never long. */
export function plain(text: string, maxLength = 200): string {
  const short = text.length > maxLength ? `${text.slice(0, maxLength)}…` : text;
  return piecesOf(short.replace(/\s+/g, " "))
    .map((piece) => (piece.isMark ? `⟨${piece.text}⟩` : piece.text))
    .join("");
}

function markOf(found: string): string {
  if (found.length > 1 && found.startsWith("\x1b")) return `ESC${found.slice(1).replace(/[^ -~]/g, "")}`;
  const code = found.codePointAt(0) ?? 0;
  return code === 0x1b ? "ESC" : `U+${code.toString(16).toUpperCase().padStart(4, "0")}`;
}
