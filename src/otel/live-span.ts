import { attempt } from "../bus/attempt.js";
import type { SpanLike, TimedEventLike } from "./signals.js";

/** What is done to an open span, as it happens. It does not throw. */
export interface LiveWatcher {
  added(event: TimedEventLike): void;
  set(key: string, value: unknown): void;
}

type Method = (this: unknown, ...args: unknown[]) => unknown;

type Watched = "addEvent" | "setAttribute" | "setAttributes";

/** Who watches a span, kept on the span itself, and the methods that the shared ones stand in front of. */
interface Watch extends Partial<Record<Watched, Method>> {
  readonly watchers: LiveWatcher[];
}

const NOBODY: readonly LiveWatcher[] = Object.freeze([]);
const WATCH = Symbol("spanbus.watch");

interface WatchedSpan extends SpanLike {
  readonly [WATCH]?: Watch;
}

/** Notes on the span itself who watches it; false where nothing can be noted. */
export function attachTo(span: SpanLike, watcher: LiveWatcher): boolean {
  try {
    const watch = (span as WatchedSpan)[WATCH];
    if (watch) watch.watchers.push(watcher);
    else putUnseen(span, WATCH, { watchers: [watcher] });
    return true;
  } catch {
    return false;
  }
}

/** Who watches the span. */
export function watchersOf(span: SpanLike): readonly LiveWatcher[] {
  return (span as WatchedSpan)[WATCH]?.watchers ?? NOBODY;
}

/**
 * Gives the span instance own methods that call the previous ones and tell its watchers: the SDK has no hook between start
 * and end. They are the same functions for all spans, so that a span stays as cheap as it was. Attributes are watched only
 * where asked for, since they are set so often. A method that cannot be replaced stays as it is.
 */
export function watchSpan(span: SpanLike, attributes: boolean): void {
  const watch = (span as WatchedSpan)[WATCH];
  if (!watch) return;
  try {
    standInFront(span, watch, "addEvent");
    if (!attributes) return;
    standInFront(span, watch, "setAttribute");
    standInFront(span, watch, "setAttributes");
  } catch {
    // What is done to the span is read at its end.
  }
}

/** Events the span ever had. */
export function countOf(span: SpanLike): number {
  return (span.events?.length ?? 0) + (span.droppedEventsCount ?? 0);
}

function standInFront(span: SpanLike, watch: Watch, name: Watched): void {
  const previous = (span as Partial<Record<Watched, unknown>>)[name];
  if (watch[name] || typeof previous !== "function") return;
  putUnseen(span, name, shared[name]);
  watch[name] = previous as Method;
}

/** The properties of a span that an application lists stay what they were. */
function putUnseen(span: SpanLike, name: string | symbol, value: unknown): void {
  Object.defineProperty(span, name, { value, writable: true, configurable: true, enumerable: false });
}

const shared = {
  addEvent(this: WatchedSpan, ...args: unknown[]): unknown {
    // The span's own getters may throw; the call goes on.
    const before = attempt(() => countOf(this), undefined);
    const result = this[WATCH]?.addEvent?.apply(this, args);
    const event = attempt(
      () => (before !== undefined && countOf(this) > before ? this.events?.at(-1) : undefined),
      undefined,
    );
    if (event) tell(this, (watcher) => watcher.added(event));
    return result;
  },

  setAttribute(this: WatchedSpan, ...args: unknown[]): unknown {
    const result = this[WATCH]?.setAttribute?.apply(this, args);
    const [key, value] = args;
    if (typeof key === "string") tell(this, (watcher) => watcher.set(key, value));
    return result;
  },

  setAttributes(this: WatchedSpan, ...args: unknown[]): unknown {
    const result = this[WATCH]?.setAttributes?.apply(this, args);
    const [attributes] = args;
    if (typeof attributes === "object" && attributes !== null) {
      for (const [key, value] of attempt(() => Object.entries(attributes), [])) {
        tell(this, (watcher) => watcher.set(key, value));
      }
    }
    return result;
  },
};

function tell(span: WatchedSpan, notice: (watcher: LiveWatcher) => void): void {
  for (const watcher of watchersOf(span)) notice(watcher);
}
