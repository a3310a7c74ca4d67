import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** The lines of a recording that say what happened; `test/fixtures/README.md` explains them. */
export type Line = StartLine | TickLine | MutateLine | EndLine | LogLine | OtherLine;

export type Attributes = Readonly<Record<string, unknown>>;
export type Time = [seconds: number, nanoseconds: number];

interface BaseLine {
  readonly seq: number;
  readonly ms: number;
}

interface SpanLine extends BaseLine {
  readonly name: string;
  readonly kind: "INTERNAL" | "SERVER" | "CLIENT" | "PRODUCER" | "CONSUMER";
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string | null;
  readonly parentRemote?: boolean;
  readonly scope: { readonly name: string; readonly version: string | null };
  readonly startTime: Time;
  readonly attributes: Attributes;
}

export interface StartLine extends SpanLine {
  readonly type: "start";
}

export interface EndLine extends SpanLine {
  readonly type: "end";
  readonly endTime: Time;
  readonly status: { readonly code: "UNSET" | "OK" | "ERROR"; readonly message?: string };
  readonly events: readonly { readonly name: string; readonly time: Time; readonly attributes?: Attributes }[];
}

export interface TickLine extends BaseLine {
  readonly type: "tick";
  readonly spanId: string;
  readonly newKeys: readonly string[];
}

export interface MutateLine extends BaseLine {
  readonly type: "mutate";
  readonly spanId: string;
  readonly op: string;
  readonly name?: string;
  readonly attributes?: Attributes;
  readonly exception?: unknown;
  readonly status?: EndLine["status"];
}

export interface LogLine extends BaseLine {
  readonly type: "log";
  readonly eventName: string | null;
  readonly severityNumber: number | null;
  readonly severityText: string | null;
  readonly body: unknown;
  readonly attributes: Attributes;
  readonly traceId: string | null;
  readonly spanId: string | null;
  readonly scope: { readonly name: string; readonly version: string | null };
  readonly time: Time;
}

interface OtherLine extends BaseLine {
  readonly type: "meta" | "marker" | "channel" | "native";
}

/** All lines of one span. */
export interface RecordedSpan {
  readonly start: StartLine;
  readonly tick: TickLine | undefined;
  readonly mutations: readonly MutateLine[];
  readonly end: EndLine | undefined;
}

export interface Recording {
  readonly lines: readonly Line[];
  /** By span id, in the order of their starts. */
  readonly spans: ReadonlyMap<string, RecordedSpan>;
}

const folder = fileURLToPath(new URL("../fixtures/", import.meta.url));

/** Paths of all recordings. */
export const recordings: readonly string[] = readdirSync(folder)
  .filter((file) => file.endsWith(".jsonl"))
  .sort()
  .map((file) => `${folder}${file}`);

/** Path of the recording with this name, which is the file name up to the version: `fixture("genkit")`. */
export function fixture(name: string): string {
  const path = recordings.find((path) => path === `${folder}${name}.jsonl` || path.startsWith(`${folder}${name}@`));
  if (path === undefined) throw new Error(`no recording is called ${name}`);
  return path;
}

export function loadRecording(path: string): Recording {
  const lines = readFileSync(path, "utf8")
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Line);
  const of = <L extends { type: string; spanId: string }>(type: L["type"], spanId: string): L[] =>
    lines.filter((line) => line.type === type && "spanId" in line && line.spanId === spanId) as unknown as L[];
  const starts = lines.filter((line): line is StartLine => line.type === "start");
  const spans = starts.map((start): [string, RecordedSpan] => [
    start.spanId,
    {
      start,
      tick: of<TickLine>("tick", start.spanId)[0],
      mutations: of<MutateLine>("mutate", start.spanId),
      end: of<EndLine>("end", start.spanId)[0],
    },
  ]);
  return { lines, spans: new Map(spans) };
}
