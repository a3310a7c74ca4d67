import { h, type JSX } from "preact";
import { piecesOf } from "../model/visible-text.js";

interface TextProps {
  readonly value: string;
  /** Characters at most; a row shows no more anyway. */
  readonly max?: number;
  readonly class?: string;
}

/**
 * Text from outside. Nothing in it acts: what a reader would not see is shown as a mark, and its direction stays inside.
 */
export function Text({ value, max = 300, class: name = "" }: TextProps): JSX.Element {
  const short = value.length > max ? `${value.slice(0, max)}…` : value;
  const pieces = piecesOf(short).map((piece, index) =>
    piece.isMark
      ? h("span", { key: index, class: "mark", title: "a character that is not shown" }, piece.text)
      : piece.text,
  );
  return h("bdi", { class: `text ${name}`, dir: "auto" }, pieces);
}
