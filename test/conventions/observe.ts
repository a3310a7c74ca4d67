import {
  type Claim,
  defaultConventions,
  type EndedSpanView,
  Interpreter,
  type SpanView,
  type Tokens,
} from "spanbus/conventions";
import { fixture, replay } from "./replay.js";
import type { ReplayedSpan } from "./replayed-span.js";

/** When a span was recognised: by what it had in `onStart`, right after it, or only at its end. */
export type KnownAt = "start" | "flush" | "end" | "never";

/** What an interpreter said of one span. */
export interface Observed {
  readonly name: string;
  readonly knownAt: KnownAt;
  readonly operation: string;
  readonly convention: string | undefined;
  readonly started: Record<string, unknown>;
  /** `undefined` for a span that never ended. */
  readonly ended: Record<string, unknown> | undefined;
  readonly failure: { readonly type: string; readonly message: string } | undefined;
  readonly tokens: Tokens | undefined;
  readonly runId: string | undefined;
  readonly conversationId: unknown;
}

/** Any content, as the bus writes it. */
export const asText = (value: unknown): string => (typeof value === "string" ? value : JSON.stringify(value));

/** Plays a recording to an interpreter as a processor would ask it: after the start, and at the end. */
export async function observe(recording: string, conventions = defaultConventions): Promise<readonly Observed[]> {
  const interpreter = new Interpreter(conventions);
  const entries = new Map<ReplayedSpan, Entry>();
  let held: Entry | undefined;
  const flush = (): void => {
    const entry = held;
    held = undefined;
    if (entry !== undefined) recognise(interpreter, entry, "flush");
  };
  await replay(fixture(recording), {
    onStart(span: ReplayedSpan) {
      flush();
      const entry: Entry = { span, startName: span.name, knownAt: "never" };
      entries.set(span, entry);
      recognise(interpreter, entry, "start");
      held = entry;
      void Promise.resolve().then(() => {
        if (held === entry) flush();
      });
    },
    onEnd(span: ReplayedSpan) {
      flush();
      const entry = entries.get(span);
      if (entry !== undefined) recognise(interpreter, entry, "end");
    },
    onEmit: flush,
  });
  return [...entries.values()].map((entry) => result(interpreter, entry));
}

interface Entry {
  readonly span: ReplayedSpan;
  readonly startName: string;
  claim?: Claim;
  knownAt: KnownAt;
  started?: Record<string, unknown>;
}

function recognise(interpreter: Interpreter, entry: Entry, at: KnownAt): void {
  const view = viewOf(entry);
  const claim = entry.claim ?? interpreter.classify(view);
  if (claim === undefined) return;
  if (entry.claim === undefined) {
    entry.claim = claim;
    entry.knownAt = at;
  }
  if (at === "flush" || entry.started === undefined) entry.started = interpreter.started(claim, view, asText);
}

function result(interpreter: Interpreter, entry: Entry): Observed {
  const { claim, knownAt, startName, started = {} } = entry;
  const view = viewOf(entry);
  return {
    name: startName,
    knownAt,
    operation: claim?.operation ?? "unclaimed",
    convention: claim?.convention.name,
    started,
    ended:
      claim !== undefined && entry.span.ended ? untold(interpreter.ended(claim, view, asText), started) : undefined,
    failure: interpreter.failure(claim, view),
    tokens: claim === undefined ? undefined : interpreter.tokens(claim, view),
    runId: interpreter.runId(claim, view),
    conversationId: interpreter.read(claim, view, asText).value("conversationId"),
  };
}

/** An end without what went in, if the start told it: the bus does not say it twice. */
export function untold(ended: Record<string, unknown>, started: Record<string, unknown>): Record<string, unknown> {
  const told = ["input", "arguments"].filter((field) => field in started);
  return Object.fromEntries(Object.entries(ended).filter(([field]) => !told.includes(field)));
}

function viewOf({ span, startName }: Entry): EndedSpanView & SpanView {
  const exception = span.events.find(({ name }) => name === "exception")?.attributes;
  const [seconds, nanos] = span.startTime;
  return {
    name: startName,
    scope: span.instrumentationScope.name,
    attributes: span.attributes,
    startMillis: seconds * 1000 + nanos / 1e6,
    status: span.status,
    exception: exception && { type: word(exception["exception.type"]), message: word(exception["exception.message"]) },
  };
}

function word(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}
