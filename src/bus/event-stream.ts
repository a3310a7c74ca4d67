import type { BusEvent } from "./event.js";
import { type End, EventLog } from "./event-log.js";

/** Which events a reader asked for. */
export interface Filter {
  /** Exact names, or prefixes ending in `.*`. */
  readonly types?: readonly string[] | undefined;
  readonly where?: ((event: BusEvent) => boolean) | undefined;
}

/** A log and what goes into it. */
export interface Feed {
  readonly key: unknown;
  readonly log: EventLog;
  matches(event: BusEvent): boolean;
}

/**
 * What readers of one run, or of all runs, wait for. Readers that ask for the same types share a log; a reader with a
 * `where` has its own. A stream without readers holds nothing.
 */
export class EventStream {
  readonly #capacity: number;
  readonly #feeds = new Map<unknown, Feed>();
  #end: End | undefined;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  get end(): End | undefined {
    return this.#end;
  }

  get isRead(): boolean {
    return this.#feeds.size > 0;
  }

  /** The feed for this filter; `decide` asks the reader's `where`. */
  feed(filter: Filter, decide: (where: (event: BusEvent) => boolean, event: BusEvent) => boolean): Feed {
    const { types, where } = filter;
    const key = where ? Symbol("where") : types ? JSON.stringify([...new Set(types)].sort()) : "";
    let feed = this.#feeds.get(key);
    if (!feed) {
      const ofType = types ? typeMatcher(types) : undefined;
      const matches = (event: BusEvent): boolean => (!ofType || ofType(event.type)) && (!where || decide(where, event));
      feed = { key, log: new EventLog(this.#capacity), matches };
      if (this.#end) feed.log.finish(this.#end);
      else this.#feeds.set(key, feed);
    }
    return feed;
  }

  /** The feeds that want the event, asked before any of them gets it. */
  wanting(event: BusEvent): Feed[] {
    const wanting: Feed[] = [];
    for (const feed of this.#feeds.values()) if (feed.matches(event)) wanting.push(feed);
    return wanting;
  }

  /** A reader left: a feed nobody reads is forgotten. */
  release(feed: Feed): void {
    if (feed.log.readers.size === 0 && this.#feeds.get(feed.key) === feed) this.#feeds.delete(feed.key);
  }

  /** Readers drain what they have, then end. */
  finish(end: End): void {
    if (this.#end) return;
    this.#end = end;
    for (const feed of this.#feeds.values()) feed.log.finish(end);
    this.#feeds.clear();
  }
}

function typeMatcher(types: readonly string[]): (type: string) => boolean {
  const exact = new Set(types.filter((type) => !type.endsWith(".*")));
  const prefixes = types.filter((type) => type.endsWith(".*")).map((type) => type.slice(0, -1));
  return (type) => exact.has(type) || prefixes.some((prefix) => type.startsWith(prefix));
}
