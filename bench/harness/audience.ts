import type { Channel } from "../candidates/channel.js";
import { expectNumbers, note } from "../inputs/notes.js";
import { turn } from "./clock.js";

/** Readers of one channel, and who waits until all of them have read so much. */
export class Audience {
  #expected = 0;
  #missing = 0;
  #complete: (() => void) | undefined;
  readonly #channel: Channel;
  #published = 0;
  readonly #readers: number;

  private constructor(channel: Channel, readers: number) {
    this.#channel = channel;
    this.#readers = readers;
  }

  static async gather(channel: Channel, readers: number): Promise<Audience> {
    const audience = new Audience(channel, readers);
    for (let index = 0; index < readers; index += 1) await audience.#join();
    await turn();
    return audience;
  }

  /** Publishes so many, then waits until everybody has all. */
  async publish(count: number): Promise<void> {
    this.publishNow(count);
    await this.delivered();
  }

  publishNow(count: number): void {
    for (let index = 0; index < count; index += 1) {
      this.#published += 1;
      this.#channel.publish(note(this.#published));
    }
  }

  delivered(): Promise<void> {
    this.#expected = this.#published;
    this.#missing = this.#readers;
    return new Promise((resolve) => {
      this.#complete = resolve;
    });
  }

  async #join(): Promise<void> {
    let received = 0;
    await this.#channel.read(() => {
      received += 1;
      if (received !== this.#expected) return;
      this.#missing -= 1;
      if (this.#missing === 0) this.#complete?.();
    });
  }
}

/** Throws unless each of ten readers gets everything, once and in order, in bursts and one by one. */
export async function proveDelivery(channel: Channel): Promise<void> {
  const received: number[][] = [];
  for (let index = 0; index < 10; index += 1) {
    const numbers: number[] = [];
    received.push(numbers);
    await channel.read(({ n, tool, ok }) => {
      if (tool === "get_weather" && ok) numbers.push(n);
    });
  }
  await turn();
  let n = 0;
  for (const burst of [64, 1, 1, 64, 500]) {
    for (let index = 0; index < burst; index += 1) {
      n += 1;
      channel.publish(note(n));
    }
    for (let turns = 0; turns < 5; turns += 1) await turn();
  }
  for (const numbers of received) expectNumbers(numbers, 1, n);
}
