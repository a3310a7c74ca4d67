import { EndpointError } from "../../client/index.js";
import { type FeedState, refusal } from "./feed-state.js";

/** From one question to the next: what happens often is asked for once. */
const LEAST_MILLIS = 1000;

/** Asks again and again, one question at a time, as long as somebody looks. A refusal is the end of it. */
export class Poll {
  readonly #ask: () => Promise<void>;
  readonly #everyMillis: number;
  readonly #changed: () => void;
  #state: FeedState = { kind: "waiting" };
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isAsking = false;
  #isAskedAgain = false;
  #askedAt = Number.NEGATIVE_INFINITY;
  #isPaused = true;

  constructor(ask: () => Promise<void>, everyMillis: number, changed: () => void) {
    this.#ask = ask;
    this.#everyMillis = everyMillis;
    this.#changed = changed;
  }

  get state(): FeedState {
    return this.#state;
  }

  resume(): void {
    this.#isPaused = false;
    this.soon();
  }

  pause(): void {
    this.#isPaused = true;
    clearTimeout(this.#timer);
  }

  /**
   * Asks now, but no sooner than a second behind the question before. An answer that is awaited may be older than the reason
   * to ask: then once more behind it.
   */
  soon(): void {
    if (this.#isPaused || this.#state.kind === "refused") return;
    clearTimeout(this.#timer);
    if (this.#isAsking) this.#isAskedAgain = true;
    else this.#askIn(this.#askedAt + LEAST_MILLIS - performance.now());
  }

  #askIn(millis: number): void {
    if (millis <= 0) void this.#once();
    else this.#timer = setTimeout(() => void this.#once(), millis);
  }

  async #once(): Promise<void> {
    this.#isAsking = true;
    this.#askedAt = performance.now();
    this.#isAskedAgain = false;
    try {
      await this.#ask();
      this.#state = { kind: "live" };
    } catch (error) {
      const isPassing = !(error instanceof EndpointError) || error.isPassing;
      this.#state = isPassing ? { kind: "lost" } : refusal(error);
    }
    this.#isAsking = false;
    this.#changed();
    if (this.#isPaused || this.#state.kind === "refused") return;
    if (this.#isAskedAgain) this.soon();
    else this.#askIn(this.#everyMillis);
  }
}
