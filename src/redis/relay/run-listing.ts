import type { Keys } from "../keys.js";
import { RedisError } from "../port/redis-error.js";
import { evict, lease, touch, unlist } from "../scripts.js";
import type { RelaySettings } from "./relay-options.js";
import type { SentRun } from "./sent-run.js";

const TOUCH_MILLIS = 1000;
const RETRY_MILLIS = 1000;

/**
 * The list of runs, by their last activity, and of leases. It may be on another server than a run: it is written by itself,
 * and less often. Runs beyond `maxRuns` are evicted by whoever writes it.
 */
export class RunListing {
  readonly #settings: RelaySettings;
  readonly #keys: Keys;
  readonly #failed: (error: unknown) => void;
  readonly #settled: () => void;
  /** Runs to be put to the front. */
  readonly #touched = new Set<string>();
  #writing: Promise<void> | undefined;
  #isClosed = false;

  /** `settled` is called whenever something was written. */
  constructor(settings: RelaySettings, keys: Keys, failed: (error: unknown) => void, settled: () => void) {
    this.#settings = settings;
    this.#keys = keys;
    this.#failed = failed;
    this.#settled = settled;
  }

  get isIdle(): boolean {
    return this.#touched.size === 0 && !this.#writing;
  }

  /** Redis took something of the run. */
  touch(run: SentRun, ends: boolean): void {
    const now = performance.now();
    if (!ends && now - run.touchedAt < Math.min(TOUCH_MILLIS, this.#settings.leaseMillis / 4)) return;
    run.touchedAt = now;
    this.#touched.add(run.runId);
    if (!this.#writing) this.#write();
  }

  close(): void {
    this.#isClosed = true;
  }

  #write(): void {
    const runIds = [...this.#touched];
    this.#touched.clear();
    this.#writing = this.#put(runIds)
      .catch(async (error: unknown) => {
        this.#failed(error);
        if (error instanceof RedisError && error.isFinal) return;
        for (const runId of runIds) this.#touched.add(runId);
        await new Promise<void>((resolve) => {
          setTimeout(resolve, RETRY_MILLIS).unref();
        });
      })
      .then(() => {
        this.#writing = undefined;
        if (this.#touched.size > 0 && !this.#isClosed) this.#write();
        this.#settled();
      });
  }

  async #put(runIds: readonly string[]): Promise<void> {
    const { port, retentionMillis, leaseMillis, maxRuns } = this.#settings;
    const { runs, leases } = this.#keys;
    const kept = String(retentionMillis + leaseMillis);
    const members = runIds.map((runId) => this.#keys.member(runId));
    const [surplus] = await Promise.all([
      port.run(touch, [runs], [kept, String(maxRuns), ...members]) as Promise<readonly unknown[]>,
      port.run(lease, [leases], [String(leaseMillis), String(retentionMillis), ...members]),
    ]);
    for (const member of surplus.map(String)) {
      const { keys, channel } = this.#keys.of(this.#keys.runOf(member));
      await port.run(evict, keys, [channel]);
      await port.run(unlist, [runs], [member]);
    }
  }
}
