import type { SpanLike, TimedEventLike } from "./signals.js";

/** What is done to an open span, as it happens. */
export interface LiveWatcher {
  added(event: TimedEventLike): void;
  set(key: string, value: unknown): void;
}

type Method = (this: unknown, ...args: unknown[]) => unknown;

/**
 * Gives the span instance own `addEvent` and `setAttribute(s)` that call the previous ones and tell the watcher: the SDK has
 * no hook between start and end. Nothing else of the span is touched, and a frozen span stays as it is.
 */
export function watchSpan(span: SpanLike, watcher: LiveWatcher): void {
  chain(span, "addEvent", () => {
    const before = countOf(span);
    return () => {
      const event = span.events?.at(-1);
      if (event && countOf(span) > before) watcher.added(event);
    };
  });
  chain(span, "setAttribute", ([key, value]) => () => {
    if (typeof key === "string") watcher.set(key, value);
  });
  chain(span, "setAttributes", ([attributes]) => () => {
    if (typeof attributes !== "object" || attributes === null) return;
    for (const [key, value] of Object.entries(attributes)) watcher.set(key, value);
  });
}

/** Events the span ever had. */
export function countOf(span: SpanLike): number {
  return (span.events?.length ?? 0) + (span.droppedEventsCount ?? 0);
}

/** `before` is asked ahead of the call, what it returns runs behind it; neither may fail the caller. */
function chain(span: SpanLike, name: string, before: (args: readonly unknown[]) => () => void): void {
  const holder = span as unknown as Record<string, unknown>;
  const previous = holder[name];
  if (typeof previous !== "function" || !Object.isExtensible(span)) return;
  const own: Method = function (this: unknown, ...args) {
    let after: (() => void) | undefined;
    try {
      after = before(args);
    } catch {
      // The span's own getters may throw; the call goes on.
    }
    const result: unknown = (previous as Method).apply(this, args);
    try {
      after?.();
    } catch {
      // As above. The watcher itself does not throw.
    }
    return result;
  };
  try {
    Object.defineProperty(span, name, { value: own, writable: true, configurable: true, enumerable: false });
  } catch {
    // A property that cannot be redefined: its events are read at the end.
  }
}
