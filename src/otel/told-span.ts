import { type Context, TraceFlags, trace } from "@opentelemetry/api";
import { attempt } from "../bus/attempt.js";
import { type HrTimeLike, isNoId, type SpanContextLike, type SpanLike, type TimedEventLike } from "./signals.js";

const ERROR = 2;

/** What an SDK says of a piece of its work, in the terms of a span. */
export interface Told {
  readonly name: string;
  /** Who tells it, as the instrumentation scope. */
  readonly scope: string;
  readonly attributes?: Attributes;
  /** What else is known of it by now, for an SDK that fills in its data on the way. */
  readonly live?: (() => Attributes) | undefined;
  readonly place: SpanPlace;
  /** Milliseconds since the Unix epoch. Default now. */
  readonly startMillis?: number | undefined;
  /** 16 hexadecimal digits. Default random. */
  readonly spanId?: string | undefined;
}

type Attributes = Readonly<Record<string, unknown>>;

/** Where a span stands. */
export interface SpanPlace {
  readonly traceId: string;
  readonly parent?: SpanContextLike | undefined;
}

/** A span that no tracer made: an inlet tells it from what an SDK says of its own work. */
export class ToldSpan implements SpanLike {
  readonly name: string;
  readonly instrumentationScope: { readonly name: string };
  readonly parentSpanContext: SpanContextLike | undefined;
  readonly startTime: HrTimeLike;
  readonly events: TimedEventLike[] = [];
  endTime: HrTimeLike | undefined;
  status: { readonly code: number; readonly message?: string } = { code: 0 };
  readonly #attributes: Record<string, unknown> = {};
  readonly #live: Told["live"];
  readonly #ids: SpanContextLike;
  readonly #startMillis: number;
  readonly #clock = performance.now();

  constructor({ name, scope, attributes = {}, live, place, startMillis = Date.now(), spanId = randomHex(8) }: Told) {
    this.name = name;
    this.instrumentationScope = { name: scope };
    this.#live = live;
    this.setAttributes(attributes);
    this.parentSpanContext = place.parent;
    this.#ids = { traceId: place.traceId, spanId };
    this.#startMillis = startMillis;
    this.startTime = hrTime(startMillis);
  }

  spanContext(): SpanContextLike {
    return this.#ids;
  }

  get attributes(): Attributes {
    return this.#live ? { ...this.#attributes, ...this.#live() } : this.#attributes;
  }

  /** The place of what is done for this span. */
  get inside(): SpanPlace {
    return { traceId: this.#ids.traceId, parent: this.#ids };
  }

  /** Milliseconds since the Unix epoch, by the clock of this span: what is inside it never starts before it. */
  now(): number {
    return this.#startMillis + this.sinceStart();
  }

  /** Milliseconds. */
  sinceStart(): number {
    return performance.now() - this.#clock;
  }

  setAttribute(key: string, value: unknown): this {
    this.#attributes[key] = value;
    return this;
  }

  /** Sets those that have a value. */
  setAttributes(attributes: Attributes): this {
    for (const key of Object.keys(attributes)) {
      if (attributes[key] !== undefined) this.#attributes[key] = attributes[key];
    }
    return this;
  }

  /** What went wrong, by any value that was thrown. */
  fail(error: unknown): this {
    const { type, message } = describe(error);
    this.status = { code: ERROR, message };
    const attributes = { "exception.type": type, "exception.message": message };
    this.events.push({ name: "exception", time: hrTime(this.now()), attributes });
    return this;
  }

  /** Sets the time of its end, now if it is not known. */
  end(endMillis = this.now()): this {
    this.endTime = hrTime(endMillis);
    return this;
  }
}

/**
 * Under the active span, if processors can see that one: below a span that nobody records a told span is a root of its own,
 * in the same trace. Without an active span it begins a trace.
 */
export function activePlace(active: Context): SpanPlace | undefined {
  const span = trace.getSpan(active);
  const ids = span?.spanContext();
  if (!span || !ids || isNoId(ids.traceId)) return undefined;
  const isSeen = ids.isRemote || span.isRecording() || (ids.traceFlags & TraceFlags.SAMPLED) !== 0;
  return { traceId: ids.traceId, parent: isSeen ? ids : undefined };
}

/** A trace or span id: 16 or 8 random bytes. */
export function randomHex(bytes: 8 | 16): string {
  const random = crypto.getRandomValues(new Uint8Array(bytes));
  return Array.from(random, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function describe(error: unknown): { type: string; message: string } {
  const { name, message } = (attempt(() => Object(error), {}) ?? {}) as { name?: unknown; message?: unknown };
  return {
    type: typeof name === "string" && name !== "" ? name : "error",
    message: typeof message === "string" ? message : attempt(() => String(error), ""),
  };
}

function hrTime(millis: number): HrTimeLike {
  const seconds = Math.floor(millis / 1000);
  return [seconds, Math.round((millis - seconds * 1000) * 1e6)];
}
