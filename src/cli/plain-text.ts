import { stripVTControlCharacters } from "node:util";

/**
 * Characters that a terminal obeys or that reorder what is read: controls, separators of lines, bidirectional marks and
 * overrides, invisible ones. The joiner of emoji (U+200D) stays.
 */
const obeyed =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not get through.
  /[\u0000-\u001f\u007f-\u009f\u061c\u200b\u200c\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]|[\u{e0000}-\u{e007f}]/gu;

/** Text of others on one line, with nothing in it that a terminal obeys. */
export function plain(text: string): string {
  return stripVTControlCharacters(text)
    .replace(/[\t\n\v\f\r\u0085\u2028\u2029]+/g, " ")
    .replace(obeyed, "");
}

/** The same JSON, with those characters escaped. They stand only inside strings, where that means the same. */
export function plainJson(json: string): string {
  return json.replace(obeyed, (character) =>
    Array.from({ length: character.length }, (_, at) => `\\u${hex(character.charCodeAt(at))}`).join(""),
  );
}

function hex(unit: number): string {
  return unit.toString(16).padStart(4, "0");
}

/** Columns that a plain text takes in a terminal: letters of East Asia and emoji take two, marks above letters none. */
export function columnsOf(text: string): number {
  if (/^[\u0020-\u007e]*$/.test(text)) return text.length;
  let columns = 0;
  for (const { segment } of graphemes(text)) columns += columnsOfGrapheme(segment);
  return columns;
}

/** As much of a plain text as fits, with `…` where something is left out. */
export function fitted(text: string, columns: number): string {
  // No character is narrower than nothing, but a text of that many units surely does not fit.
  const start = text.slice(0, columns * 16 + 16);
  if (start.length === text.length && columnsOf(text) <= columns) return text;
  let left = columns - 1;
  let fit = "";
  for (const { segment } of graphemes(start)) {
    left -= columnsOfGrapheme(segment);
    if (left < 0) break;
    fit += segment;
  }
  return columns > 0 ? `${fit}…` : "";
}

function graphemes(text: string): Iterable<{ readonly segment: string }> {
  return new Intl.Segmenter().segment(text);
}

const wide =
  /[\u1100-\u115f\u2e80-\ua4cf\ua960-\ua97f\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|\p{Emoji_Presentation}|\ufe0f|[\u{20000}-\u{3fffd}]/u;
const narrowest = /^[\p{Mn}\p{Me}\p{Cf}]+$/u;

function columnsOfGrapheme(grapheme: string): number {
  if (narrowest.test(grapheme)) return 0;
  return wide.test(grapheme) ? 2 : 1;
}
