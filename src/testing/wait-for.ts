import { anObject, positiveInteger, wrong } from "../bus/checks.js";
import type { BusEvent, EventType, SubscriptionEnd } from "../bus/event.js";
import type { AbortSignalLike } from "../bus/hub-options.js";

/** What is waited on: a subscription of a bus, a client or a Redis source. */
export interface AwaitableSubscription {
  readonly ended: Promise<SubscriptionEnd>;
  next(): Promise<IteratorResult<BusEvent, undefined>>;
  close(): void;
}

export interface WaitOptions {
  /** How long to wait, in milliseconds. Default 2000. */
  readonly timeoutMillis?: number | undefined;
  /** Gives up. */
  readonly signal?: AbortSignalLike | undefined;
}

type OfType<T> = T extends BusEvent["type"] ? Extract<BusEvent, { readonly type: T }> : BusEvent;

/**
 * Reads until an event of this type comes, and gives it; the subscription goes on behind it. The type may be a prefix that
 * ends in `.*`.
 *
 * Rejects when the subscription ends, when the time is over, or at the abort of the signal. The message says what came
 * instead, and the subscription is closed.
 */
export async function waitFor<T extends EventType>(
  subscription: AwaitableSubscription,
  type: T,
  options: WaitOptions = {},
): Promise<OfType<T>> {
  if (typeof subscription?.next !== "function") throw wrong(TypeError, "subscription", "a subscription", subscription);
  if (typeof type !== "string") throw wrong(TypeError, "type", "the type of an event", type);
  anObject("options", options);
  const { timeoutMillis = 2000, signal } = options;
  positiveInteger("timeoutMillis", timeoutMillis);

  const patience = new Patience(timeoutMillis, signal);
  const instead: string[] = [];
  try {
    for (;;) {
      const read = await Promise.race([subscription.next(), patience.over]);
      if (typeof read === "string") throw new Error(complaint(type, read, instead));
      if (read.done) throw new Error(complaint(type, await endOf(subscription), instead));
      if (matches(read.value.type, type)) return read.value as OfType<T>;
      instead.push(read.value.type);
    }
  } catch (error) {
    // A read may still wait, and would take what the next reader wants.
    subscription.close();
    throw error;
  } finally {
    patience.end();
  }
}

/** Ends with a reason to wait no longer. */
class Patience {
  readonly over: Promise<string>;
  #timer: ReturnType<typeof setTimeout> | undefined;
  readonly #signal: AbortSignalLike | undefined;
  #abort = (): void => {};

  constructor(timeoutMillis: number, signal: AbortSignalLike | undefined) {
    this.#signal = signal;
    this.over = new Promise((resolve) => {
      this.#timer = setTimeout(() => resolve(`within ${timeoutMillis} ms`), timeoutMillis);
      this.#abort = () => resolve("before the wait was aborted");
    });
    if (signal?.aborted) this.#abort();
    else signal?.addEventListener("abort", this.#abort, { once: true });
  }

  end(): void {
    clearTimeout(this.#timer);
    this.#signal?.removeEventListener("abort", this.#abort);
  }
}

function matches(type: string, wanted: string): boolean {
  return wanted.endsWith(".*") ? type.startsWith(wanted.slice(0, -1)) : type === wanted;
}

async function endOf({ ended }: AwaitableSubscription): Promise<string> {
  const { reason, outcome } = await ended;
  return `before the subscription ended (${reason}${outcome === undefined ? "" : `, the run ${outcome}`})`;
}

function complaint(type: string, when: string, instead: readonly string[]): string {
  if (instead.length === 0) return `no \`${type}\` came ${when}, and nothing else`;
  const times = new Map<string, number>();
  for (const each of instead) times.set(each, (times.get(each) ?? 0) + 1);
  const list = [...times].map(([each, count]) => (count === 1 ? `  ${each}` : `  ${each} (${count} times)`));
  return [`no \`${type}\` came ${when}, but these:`, ...list].join("\n");
}
