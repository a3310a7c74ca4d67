import type { BusEvent, SubscriptionEnd } from "./event.js";
import { EventLog } from "./event-log.js";

/** Which events a reader asked for. */
export interface Filter {
  /** Exact names, or prefixes ending in `.*`. */
  readonly types?: readonly string[] | undefined;
  readonly where?: ((event: BusEvent) => boolean) | undefined;
}

/** A log and what goes into it. */
export interface Feed {
  /** Tells readers that share it; a symbol where one has it for its own. */
  readonly key: string | symbol;
  readonly log: EventLog;
  matches(event: BusEvent): boolean;
}

/** What feeds said to an event. */
export type Verdicts = ReadonlyMap<Feed, boolean>;

/**
 * What readers of one run, or of all runs, wait for. Readers that ask for the same types share a log; a reader with a
 * `where` has its own. A stream without readers holds nothing.
 */
export class EventStream {
  readonly #capacity: number;
  readonly #feeds = new Map<string | symbol, Feed>();
  #asking = 0;
  #end: SubscriptionEnd | undefined;
  #endId: string | undefined;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  /** How its readers end, once nothing comes any more. */
  get end(): SubscriptionEnd | undefined {
    return this.#end;
  }

  /** Some reader's `where` must be asked. */
  get asks(): boolean {
    return this.#asking > 0;
  }

  /** What its readers wait for, each filter once. */
  get feeds(): Iterable<Feed> {
    return this.#feeds.values();
  }

  /** The feed for this filter; `decide` asks the reader's `where`, also about a gap, which passes all `types`. */
  feed(filter: Filter, decide: (where: (event: BusEvent) => boolean, event: BusEvent) => boolean): Feed {
    const { types, where } = filter;
    const key = where ? Symbol("where") : types ? JSON.stringify([...new Set(types)].sort()) : "";
    let feed = this.#feeds.get(key);
    if (!feed) {
      const ofType = types ? typeMatcher(types) : undefined;
      const matches = (event: BusEvent): boolean => (!ofType || ofType(event.type)) && (!where || decide(where, event));
      feed = { key, log: new EventLog(this.#capacity), matches };
      if (this.#end) feed.log.finish(this.#end, this.#endId);
      else this.#add(feed);
    }
    return feed;
  }

  /** Notes for each feed whether it wants the event. */
  ask(event: BusEvent, verdicts: Map<Feed, boolean>): void {
    for (const feed of this.#feeds.values()) if (!verdicts.has(feed)) verdicts.set(feed, feed.matches(event));
  }

  append(event: BusEvent, now: number, verdicts: Verdicts | undefined): void {
    if (this.#feeds.size === 0) return;
    for (const feed of this.#feeds.values()) {
      if (verdicts?.get(feed) ?? feed.matches(event)) feed.log.append(event, now);
    }
  }

  /** A reader left: a feed nobody reads is forgotten. */
  release(feed: Feed): void {
    if (feed.log.readers.size > 0 || this.#feeds.get(feed.key) !== feed) return;
    this.#feeds.delete(feed.key);
    if (isAsking(feed)) this.#asking -= 1;
  }

  /** Readers drain what they have, then end; `endId` is the id of the last event, where that ends a run. */
  finish(end: SubscriptionEnd, endId?: string): void {
    if (this.#end) return;
    this.#endId = endId;
    // One for all its readers.
    this.#end = Object.freeze(end);
    for (const feed of this.#feeds.values()) feed.log.finish(end, endId);
    this.#feeds.clear();
    this.#asking = 0;
  }

  #add(feed: Feed): void {
    this.#feeds.set(feed.key, feed);
    if (isAsking(feed)) this.#asking += 1;
  }
}

/** A feed with a `where` is one reader's own. */
function isAsking({ key }: Feed): boolean {
  return typeof key === "symbol";
}

/** Exact names, or prefixes ending in `.*`. A gap passes always. */
export function typeMatcher(types: readonly string[]): (type: string) => boolean {
  const exact = new Set([...types, "bus.gap"]);
  const prefixes = types.filter((type) => type.endsWith(".*")).map((type) => type.slice(0, -1));
  return (type) => exact.has(type) || prefixes.some((prefix) => type.startsWith(prefix));
}
