import { anObject, flag, wrong } from "../bus/checks.js";
import type { BusEvent, SubscriptionEnd } from "../bus/event.js";
import type { AsyncDisposableLike } from "../bus/subscription.js";
import type { AgUiEvent } from "./ag-ui-event.js";
import { Translation, type TranslationOptions } from "./translation.js";

/** What is read: the subscription of a bus, of a client or of a Redis source. */
export interface AgUiSource {
  readonly ended: Promise<SubscriptionEnd>;
  next(): Promise<IteratorResult<BusEvent, undefined>>;
  close(): void;
}

export interface AgUiOptions {
  /** Id of the conversation, as the front end knows it. Default: the run's own `conversationId`, else its id. */
  readonly threadId?: string | undefined;
  /** Id of the run, as the front end knows it. Default: the id of the run. With it `RUN_STARTED` comes at once. */
  readonly runId?: string | undefined;
  /**
   * Whether an agent inside another is a sub-agent of the protocol. `false`, for clients older than 1.0, which do not know
   * those: it is a step. Default true.
   */
  readonly subagents?: boolean | undefined;
}

/** A run for a front end, read like a subscription: leave it by `break`, `return()` or `await using`. */
export type AgUiEvents = AsyncIterableIterator<AgUiEvent> & AsyncDisposableLike;

type Result = IteratorResult<AgUiEvent, undefined>;
const DONE: IteratorReturnResult<undefined> = Object.freeze({ done: true, value: undefined });
const UNREADABLE: SubscriptionEnd = { reason: "closed" };

/**
 * The events of one run as events of the AG-UI protocol. They make one valid run whatever the subscription does: it may
 * join late, have gaps, or be cut. Leaving early closes the subscription. Events of other runs than that of the first
 * event are left out. Should reading throw, the run ends as `RUN_ERROR` first, then the error is thrown.
 */
export function toAgUi(subscription: AgUiSource, options: AgUiOptions = {}): AgUiEvents {
  return new Reading(checkedSource(subscription), checkedOptions(options)) as AgUiEvents;
}

class Reading implements AsyncIterableIterator<AgUiEvent> {
  readonly #source: AgUiSource;
  readonly #translation: Translation;
  #waiting: AgUiEvent[] = [];
  /** Nothing more is read from the source. */
  #isOver = false;
  #isLeft = false;
  #failure: { readonly error: unknown } | undefined;
  /** Reads are served one after the other. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(source: AgUiSource, options: TranslationOptions) {
    this.#source = source;
    this.#translation = new Translation(options);
    if (options.runId !== undefined) this.#waiting = this.#translation.start();
  }

  next(): Promise<Result> {
    const read = this.#turn.then(() => this.#take());
    this.#turn = read.catch(() => undefined);
    return read;
  }

  async return(): Promise<Result> {
    this.#isOver = true;
    this.#isLeft = true;
    this.#waiting = [];
    this.#failure = undefined;
    this.#source.close();
    return DONE;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }

  async #take(): Promise<Result> {
    for (;;) {
      const value = this.#waiting.shift();
      if (value) return { done: false, value };
      const failure = this.#failure;
      this.#failure = undefined;
      if (failure) throw failure.error;
      if (this.#isOver) return DONE;
      const more = await this.#more();
      // It may have been left meanwhile.
      if (!this.#isLeft) this.#waiting = more;
    }
  }

  async #more(): Promise<AgUiEvent[]> {
    try {
      const read = await this.#source.next();
      if (!read.done) return this.#translation.take(read.value);
      const end = await this.#source.ended;
      this.#isOver = true;
      return this.#translation.finish(end);
    } catch (error) {
      this.#isOver = true;
      if (!this.#isLeft) this.#failure = { error };
      this.#source.close();
      return this.#translation.finish(UNREADABLE);
    }
  }
}

function checkedSource(source: AgUiSource): AgUiSource {
  if (typeof source?.next === "function" && typeof source.close === "function") return source;
  throw wrong(TypeError, "subscription", "a subscription", source);
}

function checkedOptions(options: AgUiOptions): TranslationOptions {
  anObject("options", options);
  const { threadId, runId, subagents = true } = options;
  return { threadId: id("threadId", threadId), runId: id("runId", runId), subagents: flag("subagents", subagents) };
}

function id(name: string, value: string | undefined): string | undefined {
  if (value === undefined || (typeof value === "string" && value !== "")) return value;
  throw wrong(TypeError, name, "a string that is not empty", value);
}
