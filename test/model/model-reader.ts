import type { SubscriptionEnd } from "spanbus";
import type { Item, ModelRun, Stream } from "./model-run.js";

export interface ReaderOptions {
  readonly types: readonly string[] | undefined;
  readonly where: ((data: Readonly<Record<string, unknown>>) => boolean | "throws") | undefined;
  readonly signal: number | undefined;
  readonly idleTimeoutMillis: number | undefined;
}

/** A read, and what came of it once it did. */
export interface Ask {
  readonly batch: boolean;
  answer?: readonly Item[] | "done";
}

/** A reader: what it has to read, in order. */
export class ModelReader {
  readonly stream: Stream;
  readonly run: ModelRun | undefined;
  readonly options: ReaderOptions;
  gap: Item | undefined;
  replay: Item[] = [];
  readonly live: Item[] = [];
  /** Events lost since the last gap, and the newest of them. */
  lost = 0;
  lastLost: Item | undefined;
  dropped = 0;
  last: Item | string | undefined;
  readonly asks: Ask[] = [];
  end: SubscriptionEnd | undefined;
  /** Events it had to get, and those it got. */
  owed = 0;
  received = 0;
  taken = 0;
  deliveredAt: number;
  /** When the bus looks next whether it was forgotten, and what it saw at the last look. */
  lookAt: number;
  lookedAt: number;
  takenAtLook = 0;
  waitedAtLook = false;
  /** Since when something waits behind the place where all was read; not set while nothing does. */
  waitsSince: number | undefined;

  constructor(stream: Stream, run: ModelRun | undefined, options: ReaderOptions, now: number, unreadMillis: number) {
    this.stream = stream;
    this.run = run;
    this.options = options;
    this.deliveredAt = now;
    this.lookedAt = now;
    this.lookAt = now + unreadMillis;
  }

  get waiting(): number {
    return this.replay.length + this.live.length;
  }

  get ready(): boolean {
    return this.gap !== undefined || this.lost > 0 || this.waiting > 0;
  }

  get caughtUp(): boolean {
    return this.gap === undefined && this.replay.length === 0;
  }

  wantsType(type: string): boolean {
    const { types } = this.options;
    return !types || types.some((each) => (each.endsWith(".*") ? type.startsWith(each.slice(0, -1)) : each === type));
  }
}

export function scopeOf(reader: ModelReader): "run" | "global" {
  return reader.run ? "run" : "global";
}
