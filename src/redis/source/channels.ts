import { type Attempts, patiently } from "../patience.js";
import type { PortSubscriber } from "../port/redis-port.js";

/** Channels that are listened to. What is asked for one channel happens in that order. */
export class Channels {
  readonly #subscriber: PortSubscriber;
  readonly #turns = new Map<string, Promise<unknown>>();

  constructor(subscriber: PortSubscriber) {
    this.#subscriber = subscriber;
  }

  subscribe(channel: string, attempts: Attempts): Promise<void> {
    return this.#inTurn(channel, () => patiently(() => this.#subscriber.subscribe(channel), attempts));
  }

  unsubscribe(channel: string): Promise<void> {
    return this.#inTurn(channel, () => this.#subscriber.unsubscribe(channel));
  }

  subscribeTo(pattern: string, attempts: Attempts): Promise<void> {
    return this.#inTurn(pattern, () => patiently(() => this.#subscriber.subscribeTo(pattern), attempts));
  }

  unsubscribeFrom(pattern: string): Promise<void> {
    return this.#inTurn(pattern, () => this.#subscriber.unsubscribeFrom(pattern));
  }

  async #inTurn(channel: string, act: () => Promise<void>): Promise<void> {
    const turn = (this.#turns.get(channel) ?? Promise.resolve()).then(act, act);
    this.#turns.set(channel, turn);
    try {
      await turn;
    } finally {
      if (this.#turns.get(channel) === turn) this.#turns.delete(channel);
    }
  }
}
