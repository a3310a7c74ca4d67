import { isDeepStrictEqual } from "node:util";
import type { BusEvent, EventBus } from "spanbus";
import { type Application, type Clock, SECRET } from "./application.js";
import { type Closing, TokenAudit } from "./tokens.js";

/** What is known of an application. */
export type Known = Pick<Application, "made" | "foreign">;

/** What is seen of a bus from the start to the end. */
export class Witness {
  readonly events: BusEvent[] = [];
  readonly #complaints: string[] = [];
  readonly #bus: EventBus;
  /** Latest number of each generation that is open. */
  readonly #seqs = new Map<string, number>();
  readonly #sealed = new Set<string>();
  readonly #open = new Map<string, string>();
  readonly #closings: Closing[] = [];

  constructor(bus: EventBus, clock: Clock = { moment: 0 }) {
    this.#bus = bus;
    bus.tap({
      opened: ({ runId, generation }) => {
        if (this.#sealed.has(generation)) this.#complain(`${runId} opened again after it was sealed`);
        this.#open.set(generation, runId);
      },
      event: (event) => this.#take(event),
      closed: ({ generation, runId, outcome }) => {
        if (!this.#open.delete(generation)) this.#complain(`${runId} closed, and was not open`);
        if (outcome !== "detached") this.#sealed.add(generation);
        this.#closings.push({ generation, place: this.events.length, moment: clock.moment });
      },
    });
  }

  #complain(what: string): void {
    if (this.#complaints.length < 20) this.#complaints.push(what);
  }

  #take(event: BusEvent): void {
    this.events.push(event);
    const generation = generationOf(event);
    if (!this.#open.has(generation)) this.#complain(`${event.type} ${event.id} in a run that is not open`);
    const before = this.#seqs.get(generation) ?? 0;
    if (event.seq !== before + 1) this.#complain(`${event.id} follows ${before}`);
    this.#seqs.set(generation, event.seq ?? before);
    if (!isFrozenAndPlain(event)) this.#complain(`${event.type} ${event.id} is not frozen, or not plain`);
    const json = JSON.stringify(event);
    if (Buffer.byteLength(json) > 32 * 1024) this.#complain(`${event.type} ${event.id} takes ${json.length}`);
    if (!isDeepStrictEqual(JSON.parse(json), withPlainPrototypes(event)))
      this.#complain(`${event.id} is not JSON: ${json.slice(0, 200)}`);
    const { durationMillis = 0, timeToFirstChunkMillis = 0 } = event.data as Record<string, unknown>;
    for (const time of [event.time, durationMillis, timeToFirstChunkMillis])
      if (typeof time !== "number" || !(time >= 0)) this.#complain(`${event.type} ${event.id} took or is of ${time}`);
    if ("polluted" in {}) this.#complain(`${event.id} came with a polluted prototype`);
  }

  /**
   * What is not as it was promised, once every run is closed. `complete`: nothing was withheld. `linked`: no
   * span was forgotten while others in it were still open.
   */
  complaints(
    application: Known,
    { complete, linked, content }: { complete: boolean; linked: boolean; content: string },
  ): string[] {
    this.#spans(complete);
    if (complete) this.#tree(application);
    this.#totals();
    this.#tokens(application, { complete, linked });
    if (content === "none")
      for (const event of this.events)
        if (JSON.stringify(event).includes(SECRET))
          this.#complain(`${event.type} tells content: ${JSON.stringify(event).slice(0, 500)}`);
    const { openSpans, activeRuns } = this.#bus.stats();
    if ((complete && openSpans !== 0) || activeRuns !== 0)
      this.#complain(`${openSpans} spans and ${activeRuns} runs are open`);
    if (this.#open.size > 0) this.#complain(`${[...this.#open.values()].join(", ")} opened and never closed`);
    return this.#complaints;
  }

  /** Every start has one end. What a span is may show only at its end, when it was told as a span already. */
  #spans(complete: boolean): void {
    const started = new Map<string, string>();
    const ended = new Set<string>();
    for (const event of this.events) {
      const [, kind, phase] = /^((?:agent\.\w+)|span)\.(started|completed|failed)$/.exec(event.type) ?? [];
      if (kind === undefined) continue;
      const key = `${generationOf(event)} ${event.spanId} ${kind === "span" ? "as a span" : "as what it is"}`;
      if (phase === "started") {
        if (started.has(key)) this.#complain(`${event.type} twice for ${key}`);
        started.set(key, kind);
        continue;
      }
      if (ended.has(key)) this.#complain(`${event.type} is a second end of ${key}`);
      ended.add(key);
      if (complete && started.get(key) !== kind) this.#complain(`${event.type} without a start of ${key}`);
    }
    if (complete) for (const [key, kind] of started) if (!ended.has(key)) this.#complain(`${kind} ${key} never ended`);
  }

  /** The totals of a run are those of its events. */
  #totals(): void {
    for (const { runId, generation, events, inputTokens, toolCalls } of this.#bus.runs()) {
      const own = this.events.filter((event) => generationOf(event) === generation);
      const told = own.filter(({ type }) => type === "agent.tokens.used");
      const tokens = told.reduce((sum, { data }) => sum + ((data as { inputTokens?: number }).inputTokens ?? 0), 0);
      if (events !== own.length) this.#complain(`${runId} says ${events} events, and had ${own.length}`);
      if (inputTokens !== tokens) this.#complain(`${runId} says ${inputTokens} tokens, and its events ${tokens}`);
      const tools = own.filter(({ type }) => type === "agent.tool.started").length;
      if (toolCalls > tools) this.#complain(`${runId} says ${toolCalls} tool calls, and its events ${tools}`);
    }
  }

  /** A parent is an event that began before, or a span of another process. */
  #tree({ foreign }: Known): void {
    const begun = new Set<string>();
    for (const { type, spanId, parentSpanId } of this.events) {
      if (parentSpanId !== undefined && !begun.has(parentSpanId) && !foreign.has(parentSpanId))
        this.#complain(`${type} of ${spanId} is below ${parentSpanId}, which is no event`);
      if (type.endsWith(".started") && spanId !== undefined) begun.add(spanId);
    }
  }

  /** No count is told twice in a run, and none is lost. */
  #tokens({ made }: Known, { complete, linked }: { complete: boolean; linked: boolean }): void {
    const audit = new TokenAudit(this.events, made, this.#closings);
    if (linked) audit.findRepeated();
    if (complete) audit.findLost();
    if (complete && linked) {
      audit.findWrongTotals();
      for (const { runId, generation, modelCalls } of this.#bus.runs()) {
        const { least, most } = audit.modelCalls(generation);
        if (modelCalls < least || modelCalls > most)
          this.#complain(`${runId} says ${modelCalls} calls of models, and had ${least} to ${most}`);
      }
    }
    for (const complaint of audit.complaints) this.#complain(complaint);
  }
}

function generationOf({ id }: BusEvent): string {
  return id.slice(0, id.lastIndexOf("."));
}

function isFrozenAndPlain(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return true;
  // Whose prototype was set with a key of that name is not what it seems.
  if (Object.getPrototypeOf(value) !== (Array.isArray(value) ? Array.prototype : Object.prototype)) return false;
  return Object.isFrozen(value) && Object.values(value).every(isFrozenAndPlain);
}

/** As `JSON.parse` would make it. */
function withPlainPrototypes(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withPlainPrototypes);
  if (Object.is(value, -0)) return 0;
  if (typeof value !== "object" || value === null) return value;
  const plain = {};
  for (const [key, each] of Object.entries(value))
    Object.defineProperty(plain, key, {
      value: withPlainPrototypes(each),
      enumerable: true,
      configurable: true,
      writable: true,
    });
  return plain;
}
