import type { BusStats } from "../../bus/stats.js";

/** Figures at one moment. */
export interface Sample {
  readonly at: number;
  readonly stats: BusStats;
}

const MAX_SAMPLES = 60;

/** The newest 60 answers of the statistics, to draw lines from. */
export class StatsHistory {
  readonly #samples: Sample[] = [];

  get latest(): BusStats | undefined {
    return this.#samples.at(-1)?.stats;
  }

  add(at: number, stats: BusStats): void {
    this.#samples.push({ at, stats });
    if (this.#samples.length > MAX_SAMPLES) this.#samples.shift();
  }

  /** A figure over time. */
  line(figure: keyof BusStats): readonly number[] {
    return this.#samples.map(({ stats }) => numberOf(stats[figure]));
  }

  /** How fast a counter grew, each second; a process that began anew counts from nothing. */
  rate(counter: keyof BusStats): readonly number[] {
    return this.#samples.slice(1).map(({ at, stats }, index) => {
      const before = this.#samples[index];
      if (!before || at <= before.at) return 0;
      const grown = Math.max(0, numberOf(stats[counter]) - numberOf(before.stats[counter]));
      return (grown * 1000) / (at - before.at);
    });
  }
}

function numberOf(value: unknown): number {
  return typeof value === "number" && Number.isFinite(value) ? value : 0;
}
