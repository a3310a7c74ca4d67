import {
  type Context,
  context,
  propagation,
  ROOT_CONTEXT,
  type Span,
  type SpanContext,
  type SpanOptions,
  type TimeInput,
  trace,
} from "@opentelemetry/api";
import { type EventBus, runContext } from "spanbus";
import type { Dice } from "../dice.js";
import { contentKeys, type Kind, keysOf, kinds, modelKinds } from "./kinds.js";
import { anyTime, anyValue, hostile, oddNames } from "./values.js";

/** What a provider calls. */
export interface Processor {
  onStart(span: never, context: never): void;
  onEnd(span: never): void;
  onEmit(record: never, context: never): void;
  forceFlush(): Promise<void>;
  shutdown(): Promise<void>;
}

/** The providers of one generation of the SDK. */
export interface Sdk {
  tracer(scope: string): { startSpan(name: string, options: SpanOptions, context: Context): Span };
  logger(scope: string): { emit(record: object): void };
}

/** Tells the steps of an application apart. */
export interface Clock {
  moment: number;
}

/** A span, and what the application knows of it. */
export interface Made {
  readonly span: Span;
  readonly spanId: string;
  readonly parent: Made | undefined;
  readonly kind: Kind;
  /** Only its end shows what it was. */
  readonly isLate: boolean;
  /** Counts that its instrumentation reported; every span has others. */
  tokens: number | undefined;
  ended: boolean;
  readonly startedAt: number;
  endedAt: number;
}

/** Stands in all content, and nowhere else. */
export const SECRET = "SECRET-of-a-user";

const runIds = ["r1", "r2", "r3"];

/** An application made up by dice. What it does is the same with a bus and without. */
export class Application {
  readonly made: Made[] = [];
  /** How every call ended for the application. */
  readonly calls: string[] = [];
  /** Ids of spans that are no local spans. */
  readonly foreign = new Set<string>();
  readonly #dice: Dice;
  readonly #sdk: Sdk;
  readonly #bus: EventBus | undefined;
  readonly #clock: Clock;
  readonly #contexts: Context[] = [];
  readonly #traceIds: string[] = [];
  #ids = 0;

  constructor(dice: Dice, sdk: Sdk, bus: EventBus | undefined, clock: Clock = { moment: 0 }) {
    this.#dice = dice;
    this.#sdk = sdk;
    this.#bus = bus;
    this.#clock = clock;
  }

  async play(steps: number): Promise<void> {
    for (let step = 0; step < steps; step += 1) {
      this.#clock.moment += 1;
      this.#act();
      if (this.#dice.chance(0.3)) await Promise.resolve();
    }
    // Whoever lets go of the application lets go of its spans.
    this.#contexts.length = 0;
  }

  #act(): void {
    const dice = this.#dice;
    const roll = dice.roll();
    if (roll < 0.3) this.#start();
    else if (roll < 0.5) this.#end();
    else if (roll < 0.6) this.#setAttributes();
    else if (roll < 0.67) this.#addEvent();
    else if (roll < 0.74) this.#log();
    else if (roll < 0.78) this.#bind();
    else if (roll < 0.82) this.#misuse();
    else if (roll < 0.87) this.#strangeSpan();
    else if (roll < 0.96) this.#useBus();
    else this.#startInRun();
  }

  #call(what: string, act: () => unknown): void {
    try {
      act();
      this.calls.push(`${what} ok`);
    } catch (error) {
      this.calls.push(`${what} threw ${error instanceof Error ? error.message : error}`);
    }
  }

  #some(): Made | undefined {
    const { length } = this.made;
    return length === 0 ? undefined : this.made[length - 1 - Math.floor(this.#dice.roll() ** 2 * length)];
  }

  #id(length: number): string {
    this.#ids += 1;
    return `${"f".repeat(8)}${this.#ids.toString(16)}`.padStart(length, "e").slice(0, length);
  }

  // ── spans ─────────────────────────────────────────────────────────────────────────────────────────────────────────

  #start(around?: Context): void {
    const dice = this.#dice;
    const parent = dice.chance(0.8) ? this.#some() : undefined;
    const kind = dice.pick(parent && dice.chance(0.3) ? modelKinds : kinds);
    let under = around ?? (this.#contexts.length > 0 && dice.chance(0.3) ? dice.pick(this.#contexts) : ROOT_CONTEXT);
    let known = parent;
    if (parent) under = trace.setSpan(under, parent.span);
    else if (dice.chance(0.3)) {
      under = trace.setSpanContext(under, this.#foreignContext());
      known = undefined;
    }
    const early = dice.chance(0.7);
    const isLate = !early && dice.chance(0.4);
    const attributes: Record<string, unknown> = { ...(early && kind.attributes), ...this.#attributes(kind) };
    const options = { attributes, startTime: anyTime(dice), root: dice.chance(0.03) };
    this.#call("startSpan", () => {
      const span = this.#sdk.tracer(kind.scope).startSpan(kind.name, options as SpanOptions, under);
      const { spanId } = span.spanContext();
      const parentOf = options.root ? undefined : known;
      const made: Made = {
        span,
        spanId,
        parent: parentOf,
        kind,
        isLate,
        tokens: undefined,
        ended: false,
        startedAt: this.#clock.moment,
        endedAt: Number.POSITIVE_INFINITY,
      };
      this.made.push(made);
      if (!early && !isLate) span.setAttributes(kind.attributes);
    });
  }

  #foreignContext(): SpanContext {
    const dice = this.#dice;
    // Some traces are gone through by several requests.
    const traceId = this.#traceIds.length > 0 && dice.chance(0.5) ? dice.pick(this.#traceIds) : this.#id(32);
    this.#traceIds.push(traceId);
    const spanId = this.#id(16);
    this.foreign.add(spanId);
    return { traceId, spanId, traceFlags: dice.chance(0.9) ? 1 : 0, isRemote: dice.chance(0.7) };
  }

  #startInRun(): void {
    const dice = this.#dice;
    const runId = dice.chance(0.5) ? dice.pick(runIds) : undefined;
    const fails = dice.chance(0.2);
    const count = dice.from(0, 3);
    this.#call("run", () => {
      const act = (): void => {
        for (let n = 0; n < count; n += 1) this.#start(context.active());
        if (fails) throw new Error("the run failed");
      };
      if (!this.#bus) act();
      else if (runId === undefined) this.#bus.run(act);
      else this.#bus.run(runId, act);
    });
  }

  #end(): void {
    const made = this.#some();
    const time = anyTime(this.#dice);
    const fails = this.#dice.chance(0.2);
    // Some end twice, some never.
    if (!made || (made.ended && this.#dice.chance(0.8))) return;
    if (made.isLate && !made.ended) this.#call("setAttributes", () => made.span.setAttributes(made.kind.attributes));
    // Most instrumentations say only at the end what was used.
    if (this.#dice.chance(0.7)) this.#setTokens(made);
    if (fails) this.#call("setStatus", () => made.span.setStatus({ code: 2, message: "broken" }));
    this.#call("end", () => made.span.end(time as TimeInput));
    if (made.ended) return;
    made.ended = true;
    made.endedAt = this.#clock.moment;
  }

  #setTokens(made: Made): void {
    if (made.tokens !== undefined || made.ended) return;
    const { table } = made.kind;
    const input = keysOf(table, "inputTokens");
    const output = keysOf(table, "outputTokens");
    made.tokens = 1000 + this.made.indexOf(made);
    for (const key of [...input, ...output, "gen_ai.usage.input_tokens", "gen_ai.usage.output_tokens"])
      this.#call("setAttribute", () => made.span.setAttribute(key, made.tokens as number));
  }

  #attributes(kind: Kind): Record<string, unknown> {
    const dice = this.#dice;
    const attributes: Record<string, unknown> = {};
    for (let n = dice.from(0, 3); n > 0; n -= 1) {
      const name = dice.chance(0.3) ? dice.pick(oddNames) : `app.${dice.from(1, 200)}`;
      Object.defineProperty(attributes, name, {
        value: anyValue(dice),
        enumerable: true,
        configurable: true,
        writable: true,
      });
    }
    const contents = [...keysOf(kind.table, "input", "output", "arguments", "result"), ...contentKeys];
    if (dice.chance(0.4)) attributes[dice.pick(contents)] = this.#secret();
    return attributes;
  }

  #secret(): unknown {
    return this.#dice.pick<unknown>([
      SECRET,
      `${SECRET} ${"long ".repeat(5000)}`,
      JSON.stringify([{ role: "user", content: SECRET }]),
      [SECRET, SECRET],
      { role: "user", parts: [{ content: SECRET }] },
    ]);
  }

  #setAttributes(): void {
    const made = this.#some();
    if (!made) return;
    const attributes = this.#attributes(made.kind);
    if (this.#dice.chance(0.2)) this.#call("setAttributes", () => made.span.setAttributes(attributes as never));
    else
      for (const [key, value] of Object.entries(attributes))
        this.#call("setAttribute", () => made.span.setAttribute(key, value as never));
  }

  #addEvent(): void {
    const dice = this.#dice;
    const made = this.#some();
    const name = dice.pick([
      "gen_ai.choice",
      "exception",
      "bus.gap",
      "",
      "__proto__",
      "note",
      "agent.model.chunk",
      "ai.stream.firstChunk",
    ]);
    const attributes = this.#attributes(made?.kind ?? (kinds[0] as Kind));
    const time = anyTime(dice);
    if (made) this.#call("addEvent", () => made.span.addEvent(name, attributes as never, time as TimeInput));
  }

  #log(): void {
    const dice = this.#dice;
    const made = this.#some();
    const attributes = this.#attributes(made?.kind ?? (kinds[0] as Kind));
    const record = {
      eventName: dice.pick<unknown>(["gen_ai.user.message", "agent.note", "note", "exception", "", undefined, 5]),
      body: dice.chance(0.5) ? this.#secret() : anyValue(dice),
      attributes,
      timestamp: anyTime(dice),
      ...(made && dice.chance(0.8) && { context: trace.setSpan(ROOT_CONTEXT, made.span) }),
    };
    this.#call("emit", () => this.#sdk.logger("app").emit(record));
  }

  /** Keeps a context in which a run is bound, or came with baggage. */
  #bind(): void {
    const dice = this.#dice;
    const runId = dice.chance(0.8) ? dice.pick(runIds) : dice.pick(["", "\u0000", "x".repeat(300)]);
    if (dice.chance(0.6)) runContext(runId, () => this.#contexts.push(context.active()));
    else {
      const baggage = propagation.createBaggage({ "spanbus.run.id": { value: runId } });
      this.#contexts.push(propagation.setBaggage(ROOT_CONTEXT, baggage));
    }
  }

  #misuse(): void {
    const dice = this.#dice;
    const made = this.#some();
    const value = anyValue(dice);
    const what = dice.from(0, 3);
    if (!made) return;
    this.#call("misuse", () => {
      if (what === 0) made.span.recordException(value as never);
      else if (what === 1) made.span.updateName(value as never);
      else if (what === 2) made.span.setStatus(value as never);
      else made.span.setAttribute("app.misused", value as never);
    });
  }

  // ── the bus ───────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Spans and records of tracers other than the SDK's, handed over as a bridge would do it. */
  #strangeSpan(): void {
    const dice = this.#dice;
    const kind = dice.pick(kinds);
    const ids = { traceId: this.#id(32), spanId: this.#id(16), traceFlags: 1 };
    const parentSpanId = this.#id(16);
    this.foreign.add(parentSpanId);
    const how = dice.from(0, 8);
    const own = {
      name: kind.name,
      attributes: { ...kind.attributes, ...this.#attributes(kind) },
      startTime: anyTime(dice),
      instrumentationScope: { name: kind.scope },
      spanContext: () => ids,
    };
    const thrower = (): never => {
      throw new Error("a strange span");
    };
    const strange: unknown[] = [
      Object.freeze(own),
      own,
      { ...own, parentSpanId, events: [{}, null, { name: 5 }, { name: "note", time: [Number.NaN, 1] }] },
      { ...own, spanContext: thrower },
      { ...own, attributes: hostile({}), events: hostile([]), status: hostile({}) },
      Object.defineProperties(
        { ...own },
        { attributes: { get: thrower }, name: { get: thrower }, events: { get: thrower } },
      ),
      hostile({}),
      {
        ...own,
        name: dice.pick<unknown>([undefined, 5, Symbol("name"), {}]),
        attributes: dice.pick<unknown>([null, 5, "text", []]),
      },
      dice.pick<unknown>([null, undefined, 5, "span"]),
    ];
    const span = strange[how] as never;
    const order = dice.from(0, 5);
    const bus = this.#bus;
    const count = this.#contexts.length;
    const under = count > 0 ? (this.#contexts[dice.from(0, count - 1)] as Context) : ROOT_CONTEXT;
    const hidden = dice.chance(0.5) ? (hostile({}) as never) : under;
    this.foreign.add(ids.spanId);
    this.#call("strange", () => {
      if (order !== 1) bus?.onStart(span, under);
      if (order > 0) bus?.onEnd(span);
      if (order > 3) bus?.onEnd(span);
      if (order === 5) bus?.onEmit(span, hidden);
    });
  }

  #useBus(): void {
    const dice = this.#dice;
    const bus = this.#bus;
    const runId = dice.chance(0.6) ? dice.pick(runIds) : (this.#some()?.span.spanContext().traceId ?? "r1");
    const what = dice.from(0, 7);
    const value = anyValue(dice);
    const data = dice.chance(0.5) ? value : { value };
    this.#call("bus", () => {
      if (what === 0) bus?.closeStream(runId);
      else if (what === 1) bus?.dropHistory(runId);
      else if (what === 2) bus?.history(runId);
      else if (what === 3) bus?.publish({ runId, type: "note", data: data as object });
      else if (what === 4) bus?.emit("note", data as object);
      else if (what === 5) bus?.subscribe(runId).next();
      else if (what === 6) bus?.stats();
      else bus?.runs();
    });
  }
}
