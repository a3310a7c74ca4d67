import type { Subscription } from "../bus/subscription.js";
import { Problem } from "./problem.js";

/** Seconds after which a client that was turned away may come back. */
const RETRY_AFTER = "5";

/** Counts the streams that are open. */
export class Connections {
  readonly #max: number;
  #open = 0;

  constructor(max: number) {
    this.#max = max;
  }

  /**
   * Attaches readers as one connection, which is open until the last of them has left: by its end, by its client, by the
   * bus. If one cannot attach, none does.
   *
   * @throws Problem 503 at this limit or at one of the bus.
   */
  open<T extends { readonly events: Subscription }>(attach: readonly (() => T)[]): T[] {
    if (this.#open >= this.#max) throw unavailable("there are too many connections");
    const attached: T[] = [];
    try {
      for (const each of attach) attached.push(each());
    } catch (error) {
      for (const { events } of attached) events.close();
      throw isLimit(error) ? unavailable("there are too many readers") : error;
    }
    this.#open += 1;
    let reading = attached.length;
    const left = (): void => {
      reading -= 1;
      if (reading === 0) this.#open -= 1;
    };
    for (const { events } of attached) events.ended.then(left);
    return attached;
  }
}

/** What may be met later. */
export function unavailable(why: string): Problem {
  return new Problem(503, why, { "Retry-After": RETRY_AFTER });
}

/** By code: a bundler may have loaded the class twice. */
function isLimit(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "SPANBUS_SUBSCRIBER_LIMIT";
}
