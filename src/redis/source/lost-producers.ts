import type { Keys } from "../keys.js";
import type { RedisPort } from "../port/redis-port.js";
import { due, looked, miss } from "../scripts.js";

export interface LostProducersOptions {
  readonly port: Pick<RedisPort, "run" | "isClosed">;
  readonly keys: Keys;
  readonly lookMillis: number;
  /** False while producers may not have been able to say that they live. */
  isSteady(): boolean;
  failed(error: unknown): void;
}

/**
 * Looks for runs whose producers are all lost, and tells it to everybody. Who looks first tells it, and the run says that it was
 * told: so it is told once, however many look. One question at a time, however many runs there are.
 */
export class LostProducers {
  readonly #options: LostProducersOptions;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isOn = false;
  #isLooking = false;

  constructor(options: LostProducersOptions) {
    this.#options = options;
  }

  /** `gone`: the client was closed, nobody can look any more. */
  start(gone: () => void): void {
    if (this.#isOn) return;
    this.#isOn = true;
    this.#later(gone);
  }

  stop(): void {
    this.#isOn = false;
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #later(gone: () => void): void {
    if (!this.#isOn || this.#isLooking || this.#timer !== undefined) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      if (this.#options.port.isClosed) {
        this.stop();
        return gone();
      }
      this.#isLooking = true;
      this.#look()
        .catch((error: unknown) => this.#options.failed(error))
        .finally(() => {
          this.#isLooking = false;
          this.#later(gone);
        });
    }, this.#options.lookMillis);
    this.#timer.unref();
  }

  async #look(): Promise<void> {
    const { port, keys } = this.#options;
    if (!this.#options.isSteady()) return;
    const found = ((await port.run(due, [keys.leases], [])) as readonly unknown[]).map(String);
    for (let index = 0; index + 1 < found.length && this.#options.isSteady(); index += 2) {
      const [member = "", time = ""] = found.slice(index, index + 2);
      const run = keys.of(keys.runOf(member));
      const rest = await port.run(miss, run.keys, [run.channel]);
      await port.run(looked, [keys.leases], [member, time, rest === null ? "" : String(rest)]);
    }
  }
}
