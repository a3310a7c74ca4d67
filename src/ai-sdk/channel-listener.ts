import { AsyncLocalStorage } from "node:async_hooks";
import { tracingChannel } from "node:diagnostics_channel";
import { context, trace } from "@opentelemetry/api";
import { attempt } from "../bus/attempt.js";
import { listenBeside } from "../otel/beside.js";
import type { EventBus } from "../otel/event-bus.js";
import type { SpanLike } from "../otel/signals.js";
import { tell } from "../otel/tell.js";
import { activePlace, randomHex, type SpanPlace, ToldSpan } from "../otel/told-span.js";
import type { Call, Failure, Work } from "./call.js";
import { asMessage, type Facts, facts, list } from "./message.js";
import { operations, type TracedOperation } from "./operations.js";
import { watchStream } from "./stream-watch.js";
import { StreamedAnswer } from "./streamed-answer.js";

const CHANNEL = "ai:telemetry";
const SCOPE = "spanbus/ai-sdk";

/** Follows the calls of the SDK from begin to end, and tells a bus of them as spans would. */
export class ChannelListener {
  readonly #bus: EventBus;
  readonly #channel = tracingChannel<Work | undefined, object>(CHANNEL);
  /** What is under way around the code that runs. */
  readonly #around = new AsyncLocalStorage<Work | undefined>();
  readonly #works = new WeakMap<object, Work>();
  readonly #subscribers = {
    asyncEnd: (message: object): void => this.#guard(() => this.#ended(message), undefined),
    start: ignore,
    end: ignore,
    asyncStart: ignore,
    error: ignore,
  };
  readonly #stop: (() => void) | undefined;
  /** The call that began last: a span that starts in the same moment is its own. */
  #latest: Call | undefined;
  #openCalls = 0;
  #isClosed = false;
  #hasTold = false;

  constructor(bus: EventBus) {
    this.#bus = bus;
    this.#stop = listenBeside(bus, SCOPE, (span) => this.#spanStarted(span));
    if (!this.#stop) return;
    this.#channel.start.bindStore(this.#around, (message) => {
      const around = this.#around.getStore();
      return this.#guard(() => this.#begun(message, around), around);
    });
    this.#channel.subscribe(this.#subscribers);
  }

  close(): void {
    this.#isClosed = true;
    this.#detachIfDone();
  }

  // ── begin ─────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** What is then around everything that is done for it. */
  #begun(published: unknown, around: Work | undefined): Work | undefined {
    const message = asMessage(published);
    const operation = message && operations.get(message.type);
    if (!operation) return around;
    const { type, event } = message;
    const isPart = operation.isCall !== true && around !== undefined && around.call.id === event["callId"];
    if (!isPart && this.#isClosed) return around;
    const call = isPart ? around.call : this.#newCall(event, operation);
    if (isPart) this.#decide(around);
    if (call.hasSpans) return around;
    const work: Work = {
      call,
      type,
      event,
      operation,
      span: new ToldSpan({
        name: operation.name(event),
        scope: SCOPE,
        place: isPart ? around.span.inside : this.#place(around),
        startMillis: around?.span.now(),
      }),
      parent: isPart ? around : undefined,
      context: context.active(),
      activeSpan: trace.getActiveSpan(),
      open: new Set(),
      isOver: false,
    };
    this.#works.set(published as object, work);
    work.parent?.open.add(work);
    if (!isPart) this.#openCalls += 1;
    // Integrations make their span in the same moment.
    if (call.hasSpans === undefined) queueMicrotask(() => this.#guard(() => this.#decide(work), undefined));
    else this.#start(work);
    return work;
  }

  #newCall(event: Facts, operation: TracedOperation): Call {
    const hasSpans = operation.isCall ? undefined : false;
    const call: Call = { id: event["callId"], event, operation, hasSpans, failure: undefined, answer: {} };
    this.#latest = call;
    return call;
  }

  /** Below the work around it, unless there is an active span of somebody else in between. */
  #place(around: Work | undefined): SpanPlace {
    const inside = around && !around.call.hasSpans ? around.span.inside : undefined;
    if (inside && around?.activeSpan === trace.getActiveSpan()) return inside;
    return activePlace(context.active()) ?? inside ?? { traceId: randomHex(16) };
  }

  #spanStarted(span: SpanLike): boolean {
    const latest = this.#latest;
    if (!latest || latest.hasSpans !== undefined) return false;
    if (isSpanOf(latest, span, this.#around.getStore()?.call === latest)) latest.hasSpans = true;
    return false;
  }

  #decide(work: Work): void {
    const { call } = work;
    if (this.#latest === call) this.#latest = undefined;
    if (call.hasSpans === undefined) {
      call.hasSpans = false;
      this.#start(work);
    } else if (call.hasSpans && !work.isOver) {
      work.isOver = true;
      this.#callOver();
    }
  }

  #start({ type, call, span, operation, event, context: began }: Work): void {
    if (type === "languageModelCall") call.failure = undefined;
    span.setAttribute("gen_ai.operation.name", operation.is).setAttributes(operation.started(event));
    this.#bus.onStart(span, began);
  }

  // ── end ───────────────────────────────────────────────────────────────────────────────────────────────────────────

  #ended(message: object): void {
    const work = this.#works.get(message);
    if (!work || work.isOver) return;
    this.#decide(work);
    if (work.isOver) return;
    const { result, error } = message as { result?: unknown; error?: unknown };
    const failure = error === undefined ? undefined : toldBetter(work.call, { error });
    if (work.type === "languageModelCall" && !failure && this.#hasOnlyBegun(work, result)) return;
    this.#finish(work, result, failure);
  }

  /** A streaming call of a model has only begun when the SDK says that it is over. One that cannot be followed ends with its step. */
  #hasOnlyBegun(work: Work, result: unknown): boolean {
    const { stream } = facts(result);
    if (stream !== undefined) return this.#followStream(work, stream);
    return result === undefined && work.call.event["operationId"] === "ai.streamText";
  }

  #followStream(work: Work, stream: unknown): boolean {
    const answer = new StreamedAnswer();
    let hasBegun = false;
    return watchStream(stream, {
      part: (part) => {
        if (!answer.add(part) || hasBegun) return;
        hasBegun = true;
        const { span } = work;
        span.setAttribute("gen_ai.response.time_to_first_chunk", span.sinceStart() / 1000);
      },
      over: (failure) => {
        const left = failure && !(failure.error instanceof Error) ? { error: leftEarly } : failure;
        this.#finish(work, answer.result, left ?? answer.failure);
      },
    });
  }

  #finish(work: Work, result: unknown, failure: Failure | undefined): void {
    if (work.isOver) return;
    work.isOver = true;
    const { call, parent, span } = work;
    // The SDK does not say of all parts that they are over when the whole fails.
    for (const part of work.open) this.#finish(part, undefined, failure ?? call.failure);
    parent?.open.delete(work);
    try {
      this.#describeEnd(work, result, failure);
    } finally {
      // Also where what the SDK says cannot be read.
      this.#bus.onEnd(span.end());
      if (!parent) this.#callOver();
    }
  }

  #describeEnd(work: Work, result: unknown, failure: Failure | undefined): void {
    const { call, type, event, operation, span } = work;
    span.setAttributes(operation.ended(facts(result), event));
    let failed = failure ?? operation.failure?.(facts(result));
    if (type === "languageModelCall") {
      call.failure = failed;
      call.answer = pick(span.attributes, ["gen_ai.output.messages", "gen_ai.response.finish_reasons"]);
    } else if (type === "step" || type === "streamText" || type === "generateText") {
      failed ??= call.failure;
      if (type !== "step") span.setAttributes(call.answer);
    }
    if (type === "languageModelCall") this.#tellProvidersTools(work, facts(result)["content"]);
    if (failed) span.fail(failed.error);
  }

  /** Tools that the provider executed: they come with its answer, when they are over. */
  #tellProvidersTools(work: Work, content: unknown): void {
    const tool = operations.get("executeTool");
    const parts = list(content);
    for (const toolCall of parts) {
      if (!tool || toolCall["type"] !== "tool-call" || toolCall["providerExecuted"] !== true) continue;
      const told = new ToldSpan({
        name: tool.name({ toolCall }),
        scope: SCOPE,
        place: work.span.inside,
        startMillis: work.span.now(),
      });
      told.setAttribute("gen_ai.operation.name", tool.is).setAttributes(tool.started({ toolCall }));
      this.#bus.onStart(told, work.context);
      const isItsResult = (part: Facts) =>
        part["type"] === "tool-result" && part["toolCallId"] === toolCall["toolCallId"];
      const { result, isError } = parts.findLast(isItsResult) ?? {};
      if (isError === true) told.fail(result);
      else told.setAttributes({ "gen_ai.tool.call.result": result });
      this.#bus.onEnd(told.end());
    }
  }

  #callOver(): void {
    this.#openCalls -= 1;
    this.#detachIfDone();
  }

  #detachIfDone(): void {
    if (!this.#isClosed || this.#openCalls > 0 || !this.#stop) return;
    this.#stop();
    this.#channel.start.unbindStore(this.#around);
    this.#channel.unsubscribe(this.#subscribers);
  }

  /** What a subscriber throws would end the process. */
  #guard<T>(act: () => T, otherwise: T): T {
    try {
      return act();
    } catch (error) {
      if (!this.#hasTold)
        tell("error", "a message of the AI SDK was not understood; further ones are not reported", error);
      this.#hasTold = true;
      return otherwise;
    }
  }
}

const leftEarly = { name: "AbortError", message: "The stream was left before its end." };

/** Of a stream that came to nothing the SDK says only that; the answer of the model says why. */
function toldBetter(call: Call, failure: Failure): Failure {
  return facts(failure.error)["name"] === "AI_NoOutputGeneratedError" ? (call.failure ?? failure) : failure;
}

/**
 * Integrations say right at the start of a span what it is, in the words of the conventions or of the SDK. Those of a stream
 * are told outside of the call: there, a span of the same moment may also be an agent of the application's own.
 */
function isSpanOf({ event, operation }: Call, span: SpanLike, isInside: boolean): boolean {
  if (span instanceof ToldSpan) return false;
  const attributes = attempt(() => span.attributes, undefined) ?? {};
  const id = attributes["ai.operationId"];
  if (id !== undefined && id === event["operationId"]) return true;
  if (attributes["gen_ai.operation.name"] !== operation.is) return false;
  const agentName = attributes["gen_ai.agent.name"];
  return (
    isInside ||
    (attributes["gen_ai.request.model"] === event["modelId"] &&
      (agentName === undefined || agentName === event["functionId"]))
  );
}

function ignore(): void {}

function pick(attributes: Readonly<Record<string, unknown>>, names: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(names.map((name) => [name, attributes[name]]));
}
