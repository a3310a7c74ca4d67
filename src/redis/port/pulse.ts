import { isAnswer } from "./redis-error.js";

/** A connection that is asked whether it lives. */
export interface Pulsed {
  /** Whether it says of itself that it is connected. Else it reconnects by itself, and is left alone. */
  isReady(): boolean;
  ping(): Promise<unknown>;
  /** Nothing comes from it. */
  lost(): void;
}

/** Beats without a sign of life. */
const PATIENCE = 5;

/**
 * Asks a connection again and again whether it lives. Without, one whose packets vanish is taken for one over which nobody says
 * anything: no reset tells it, and a client that only listens sends nothing that could fail.
 */
export class Pulse {
  readonly #pulsed: Pulsed;
  readonly #timer: ReturnType<typeof setInterval>;
  #silent = 0;
  #isAsking = false;

  constructor(millis: number, pulsed: Pulsed) {
    this.#pulsed = pulsed;
    this.#timer = setInterval(() => this.#beat(), millis);
    this.#timer.unref();
  }

  /** Something came. */
  heard(): void {
    this.#silent = 0;
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** Counts beats and not time: whoever was busy for long has not read what came meanwhile. */
  #beat(): void {
    if (!this.#pulsed.isReady()) {
      this.#silent = 0;
      return;
    }
    this.#silent += 1;
    if (this.#silent > PATIENCE) {
      this.#silent = 0;
      this.#pulsed.lost();
    } else if (!this.#isAsking) this.#ask();
  }

  #ask(): void {
    this.#isAsking = true;
    this.#pulsed
      .ping()
      .catch((error: unknown) => {
        // Who may not ask so is answered, too. What else fails is told by the connection itself.
        if (!isAnswer(error)) throw error;
      })
      .then(() => this.heard())
      .catch(() => undefined)
      .finally(() => {
        this.#isAsking = false;
      });
  }
}
