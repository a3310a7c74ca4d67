import { RecencyList, type RecencyNode } from "../bus/recency-list.js";
import { unheld } from "./unheld.js";

/** One that is to be heard of although nothing comes. */
export interface QuietStream {
  readonly place: RecencyNode<QuietStream>;
  /** Since when nothing came, in monotonic milliseconds. */
  quietSince: number;
  beat(): void;
}

/** All streams that wait for something to send, behind one timer. */
export class Heartbeats {
  readonly #millis: number;
  /** The newest began to wait last: who is due first is at the other end. */
  readonly #waiting = new RecencyList<QuietStream>();
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(millis: number) {
    this.#millis = millis;
  }

  /** Begins to wait. What waits for the whole time is told once; what leaves or begins again before is not. */
  wait(quiet: QuietStream): void {
    quiet.quietSince = performance.now();
    this.#waiting.touch(quiet.place);
    this.#timer ??= unheld(() => this.#ring(), this.#millis);
  }

  leave({ place }: QuietStream): void {
    this.#waiting.remove(place);
    if (this.#waiting.size > 0) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #ring(): void {
    const due = performance.now() - this.#millis;
    let first = this.#waiting.oldest;
    for (; first && first.quietSince <= due; first = this.#waiting.oldest) {
      this.#waiting.remove(first.place);
      first.beat();
    }
    this.#timer = first && unheld(() => this.#ring(), first.quietSince - due);
  }
}
