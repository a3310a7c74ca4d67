import { attempt } from "../bus/attempt.js";
import type { SpanLike, TimedEventLike } from "./signals.js";

/** What is done to an open span, as it happens. It does not throw. */
export interface LiveWatcher {
  added(event: TimedEventLike): void;
  set(key: string, value: unknown): void;
}

type Method = (this: unknown, ...args: unknown[]) => unknown;

type MethodName = "addEvent" | "setAttribute" | "setAttributes";

/** Who watches a span, kept on the span itself, and the methods that the shared ones stand in front of. */
interface Watch extends Partial<Record<MethodName, Method>> {
  readonly watchers: LiveWatcher[];
}

const NOBODY: readonly LiveWatcher[] = Object.freeze([]);
/** A constructor whose instance is the object it is given. */
function given(object: object): object {
  return object;
}
const Given = given as unknown as new (object: object) => object;

/**
 * A private field on a span of somebody else: nobody else sees it, a frozen span takes it too, and it costs less
 * than a hidden property or an entry in a `WeakMap`.
 */
class Watched extends Given {
  readonly #watch: Watch;

  constructor(span: SpanLike, watch: Watch) {
    super(span);
    this.#watch = watch;
  }

  static of(span: object): Watch | undefined {
    return #watch in span ? span.#watch : undefined;
  }
}

/** Notes on the span who watches it. */
export function attachTo(span: SpanLike, watcher: LiveWatcher): void {
  const watch = Watched.of(span);
  if (watch) watch.watchers.push(watcher);
  else new Watched(span, { watchers: [watcher] });
}

/** Who watches the span. */
export function watchersOf(span: SpanLike): readonly LiveWatcher[] {
  return Watched.of(span)?.watchers ?? NOBODY;
}

/**
 * Gives the span instance own methods that call the previous ones and tell its watchers: the SDK has no hook between start
 * and end. They are the same functions for all spans, so that a span stays as cheap as it was. Attributes are watched only
 * where asked for, since they are set so often. A method that cannot be replaced stays as it is.
 */
export function watchSpan(span: SpanLike, attributes: boolean): void {
  const watch = Watched.of(span);
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

function standInFront(span: SpanLike, watch: Watch, name: MethodName): void {
  const previous = (span as Partial<Record<MethodName, unknown>>)[name];
  if (watch[name] || typeof previous !== "function") return;
  Object.defineProperty(span, name, own[name]);
  watch[name] = previous as Method;
}

const shared = {
  addEvent(this: SpanLike, ...args: unknown[]): unknown {
    // The span's own getters may throw; the call goes on.
    const before = attempt(() => countOf(this), undefined);
    const result = Watched.of(this)?.addEvent?.apply(this, args);
    const event = attempt(
      () => (before !== undefined && countOf(this) > before ? this.events?.at(-1) : undefined),
      undefined,
    );
    if (event) tell(this, (watcher) => watcher.added(event));
    return result;
  },

  setAttribute(this: SpanLike, ...args: unknown[]): unknown {
    const result = Watched.of(this)?.setAttribute?.apply(this, args);
    const [key, value] = args;
    if (typeof key === "string") tell(this, (watcher) => watcher.set(key, value));
    return result;
  },

  setAttributes(this: SpanLike, ...args: unknown[]): unknown {
    const result = Watched.of(this)?.setAttributes?.apply(this, args);
    const [attributes] = args;
    if (typeof attributes === "object" && attributes !== null) {
      for (const [key, value] of attempt(() => Object.entries(attributes), [])) {
        tell(this, (watcher) => watcher.set(key, value));
      }
    }
    return result;
  },
};

/** The properties of a span that an application lists stay what they were. */
const own = {
  addEvent: hidden(shared.addEvent),
  setAttribute: hidden(shared.setAttribute),
  setAttributes: hidden(shared.setAttributes),
};

function hidden(value: unknown): PropertyDescriptor {
  return { value, writable: true, configurable: true, enumerable: false };
}

function tell(span: SpanLike, notice: (watcher: LiveWatcher) => void): void {
  for (const watcher of watchersOf(span)) notice(watcher);
}
