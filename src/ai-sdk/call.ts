import type { Context, Span } from "@opentelemetry/api";
import type { ToldSpan } from "../otel/told-span.js";
import type { Facts } from "./message.js";
import type { TracedOperation } from "./operations.js";

export interface Failure {
  readonly error: unknown;
}

/** One call of the SDK, with all that is done for it. */
export interface Call {
  readonly id: unknown;
  readonly event: Facts;
  readonly operation: TracedOperation;
  /** Whether spans tell of it. Undefined in the moment between its begin and the first chance of a span. */
  hasSpans: boolean | undefined;
  /** How its latest answer of a model failed. */
  failure: Failure | undefined;
  /** What that answer was. */
  answer: Readonly<Record<string, unknown>>;
}

/** A call, or a part of one, from its begin to its end. */
export interface Work {
  readonly call: Call;
  readonly type: string;
  readonly event: Facts;
  readonly operation: TracedOperation;
  readonly span: ToldSpan;
  readonly parent: Work | undefined;
  /** Where it began. */
  readonly context: Context;
  readonly activeSpan: Span | undefined;
  /** Its parts that are under way. */
  readonly open: Set<Work>;
  isOver: boolean;
}
