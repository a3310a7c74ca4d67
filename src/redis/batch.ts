import type { BusEvent } from "../bus/event.js";

/** One line of a batch; its letter is told in `scripts.ts`. */
export interface Line {
  readonly kind: "e" | "t" | "l" | "c" | "d" | "p" | "x";
  readonly text: string;
}

/** What was appended to a run, as it is published. */
export interface Message {
  readonly epoch: string;
  /** Seq of the run before the batch, and behind it. */
  readonly from: number;
  readonly to: number;
  /** The run began with it, or goes on after its end was told. */
  readonly opened: boolean;
  /** Its producers were silent for so long that readers may have taken them for lost, which was not told to all. */
  readonly heardAgain: boolean;
  /** When its oldest event was published, in milliseconds of the producer's clock. */
  readonly at?: number;
  readonly lines: readonly Line[];
}

/** Seqs that a line takes. */
export function seqsOf({ kind, text }: Line): number {
  return kind === "e" || kind === "t" ? 1 : kind === "l" ? Number(text) : 0;
}

/** Undefined for what is no message of this protocol. */
export function parseMessage(message: string): Message | undefined {
  const [head = "", ...rest] = message.split("\n");
  const [, epoch, from, how, at] = /^([0-9a-z-]{1,64}) (\d{1,16}) ([oh-])(?: (\d{1,16}))?$/.exec(head) ?? [];
  if (epoch === undefined || from === undefined) return undefined;
  const lines = rest.filter((line) => line !== "").map(lineOf);
  const to = lines.reduce((seq, line) => seq + seqsOf(line), Number(from));
  return {
    ...{ epoch, from: Number(from), to, opened: how === "o", heardAgain: how === "h" },
    ...(at !== undefined && { at: Number(at) }),
    lines,
  };
}

export function lineOf(line: string): Line {
  return { kind: line.charAt(0) as Line["kind"], text: line.slice(1) };
}

/** An event as it is sent: without id and seq, which Redis gives. Field by field: a rest of it would cost more than its JSON. */
export function eventLine(event: BusEvent, isKept: boolean): string {
  const { runId, type, time, traceId, spanId, parentSpanId, data, attributes } = event;
  const sent = { runId, type, time, traceId, spanId, parentSpanId, data, attributes };
  return (isKept ? "e" : "t") + JSON.stringify(sent satisfies Record<Exclude<keyof BusEvent, "id" | "seq">, unknown>);
}
