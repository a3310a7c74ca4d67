/** How much later than an answer of Redis a message may come that was sent before it. */
const MESSAGE_MILLIS = 200;

interface Arrival {
  readonly seq: number;
  resolve(): void;
}

/** Who waits until a stream stands at some seq. */
export class Arrivals {
  readonly #waiting = new Set<Arrival>();

  /** Settles when the stream stands there; for messages it does not wait long, then as `otherwise` does. */
  at(seq: number, otherwise: () => Promise<void>): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiting.delete(arrival);
        otherwise().then(resolve, reject);
      }, MESSAGE_MILLIS);
      timer.unref();
      const arrival: Arrival = {
        seq,
        resolve: () => {
          clearTimeout(timer);
          resolve();
        },
      };
      this.#waiting.add(arrival);
    });
  }

  stands(seq: number): void {
    for (const arrival of this.#waiting) {
      if (arrival.seq > seq) continue;
      this.#waiting.delete(arrival);
      arrival.resolve();
    }
  }
}
