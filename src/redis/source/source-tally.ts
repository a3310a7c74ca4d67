import type { BusEvent, GapData } from "../../bus/event.js";
import { zeros } from "../../bus/stats.js";
import type { Message } from "../batch.js";
import { RecentPeak } from "./recent-peak.js";
import { sourceTable } from "./source-stats.js";

/** What a source counts. */
export class SourceTally {
  received = 0;
  delivered = 0;
  fetched = 0;
  reconnects = 0;
  readonly gaps = zeros(sourceTable.dimensions.gap.values);
  /** Milliseconds from publication to arrival. */
  readonly #lag = new RecentPeak();

  /** Something was put into a stream. */
  appended(event: BusEvent): void {
    if (event.type === "bus.gap") this.told(event.data);
    else this.received += 1;
  }

  /** A reader, or all that read a stream, are told a gap. */
  told({ reason }: GapData): void {
    this.gaps[reason] += 1;
  }

  /** @param now Milliseconds of a clock that only goes forward, as in `lagSeconds`. */
  arrived({ at }: Message, now: number): void {
    if (at !== undefined) this.#lag.add(Date.now() - at, now);
  }

  lagSeconds(now: number): number {
    return this.#lag.at(now) / 1000;
  }
}
