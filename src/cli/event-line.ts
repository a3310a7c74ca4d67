import { styleText } from "node:util";
import type { BusEvent } from "../bus/event.js";
import { type EventWords, wordsOf } from "./event-words.js";
import { columnsOf, fitted, plain } from "./plain-text.js";

export interface LineStyle {
  readonly isColoured: boolean;
  /** Columns of the terminal; undefined leaves lines as long as they are. */
  readonly columns?: number | undefined;
  /** Each line says of which run it is. */
  readonly withRun: boolean;
}

/** What a line tells. */
export interface Told {
  /** Milliseconds since the Unix epoch. */
  readonly time: number;
  readonly runId: string;
  /** From 0. */
  readonly depth: number;
  readonly words: EventWords;
}

type Colour = Parameters<typeof styleText>[0];

interface Piece {
  readonly text: string;
  readonly colour?: Colour | undefined;
}

const marks: Readonly<Record<EventWords["mark"], Colour>> = {
  "▸": "cyan",
  "✓": "green",
  "✗": "red",
  "·": "gray",
  "■": "bold",
  "●": "blue",
  "○": "blue",
  "→": "magenta",
  "⚠": "yellow",
  "•": "cyan",
};

const runColours = ["cyan", "magenta", "blue", "green", "yellow", "redBright", "cyanBright", "magentaBright"] as const;
const RUN_COLUMNS = 18;

/** An event as one line: time, run, mark, and what happened, indented by `depth`. */
export function eventLine(event: BusEvent, depth: number, style: LineStyle): string {
  return line({ ...event, depth, words: wordsOf(event) }, style);
}

/** What happened as one line, also where there is no event of it. */
export function line({ time, runId, depth, words }: Told, style: LineStyle): string {
  const pieces: Piece[] = [
    { text: `${clock(time)}  `, colour: "gray" },
    ...(style.withRun ? [runPiece(runId, style)] : []),
    { text: "  ".repeat(depth) },
    ...wordPieces(words),
  ];
  const shown = style.columns === undefined ? pieces : cut(pieces, style.columns);
  return shown.map((piece) => painted(piece, style.isColoured)).join("");
}

function wordPieces({ mark, noun, name, figures = [], content, error }: EventWords): Piece[] {
  const colour = mark === "■" && error !== undefined ? "red" : marks[mark];
  // What ends or breaks something is coloured as a whole.
  const isLoud = mark === "⚠" || mark === "■";
  const figure = figures.filter((each) => each !== undefined).join(", ");
  return [
    { text: mark, colour },
    { text: ` ${noun}`, colour: isLoud ? colour : undefined },
    ...(name === undefined ? [] : [{ text: ` ${name}`, colour: "bold" as const }]),
    ...(figure === "" ? [] : [{ text: `  ${figure}` }]),
    ...(error === undefined ? [] : [{ text: `  ${error}`, colour: "red" as const }]),
    ...(content === undefined ? [] : [{ text: `  ${content}`, colour: "gray" as const }]),
  ];
}

/** The same run has the same colour in every terminal. Cut only where lines are. */
function runPiece(runId: string, { columns }: LineStyle): Piece {
  const id = plain(runId);
  const label = columns === undefined ? id : fitted(id, RUN_COLUMNS);
  return {
    text: `${label}${" ".repeat(Math.max(0, RUN_COLUMNS - columnsOf(label)))} `,
    colour: runColours[hash(runId) % runColours.length],
  };
}

function hash(text: string): number {
  let sum = 0;
  for (let index = 0; index < text.length; index += 1) sum = (Math.imul(sum, 31) + text.charCodeAt(index)) >>> 0;
  return sum;
}

function cut(pieces: readonly Piece[], columns: number): readonly Piece[] {
  let left = columns;
  if (pieces.reduce((sum, { text }) => sum + columnsOf(text), 0) <= columns) return pieces;
  const fit: Piece[] = [];
  for (const piece of pieces) {
    const width = columnsOf(piece.text);
    // Something follows, or this does not fit: a blank more makes sure that `…` says so.
    if (width >= left) return [...fit, { ...piece, text: fitted(`${piece.text} `, left) }];
    fit.push(piece);
    left -= width;
  }
  return fit;
}

function painted({ text, colour }: Piece, isColoured: boolean): string {
  return isColoured && colour !== undefined ? styleText(colour, text, { validateStream: false }) : text;
}

/** Local time of day. What is no time is shown as none. */
function clock(time: number): string {
  const date = new Date(time);
  if (Number.isNaN(date.getTime())) return "--:--:--.---";
  const [hours, minutes, seconds] = [date.getHours(), date.getMinutes(), date.getSeconds()].map(twoDigits);
  return `${hours}:${minutes}:${seconds}.${String(date.getMilliseconds()).padStart(3, "0")}`;
}

function twoDigits(value: number): string {
  return String(value).padStart(2, "0");
}
