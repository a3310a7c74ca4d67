import { wrong } from "../bus/checks.js";
import type { EventBus } from "./event-bus.js";
import type { SpanLike } from "./signals.js";
import { tell } from "./tell.js";

/** Hears of every span that starts. It says `true` of one whose work it tells itself: that one is no event. */
export type SpanListener = (span: SpanLike) => boolean;

/** The inlets for one SDK that a bus has beside its spans, by name. */
export class Beside {
  readonly #listeners = new Map<string, SpanListener>();
  #told: WeakSet<SpanLike> | undefined;

  /** False if there is one of that name. */
  add(name: string, listener: SpanListener): boolean {
    if (this.#listeners.has(name)) return false;
    this.#listeners.set(name, listener);
    return true;
  }

  remove(name: string, listener: SpanListener): void {
    if (this.#listeners.get(name) === listener) this.#listeners.delete(name);
  }

  /** Lets them hear of a span that starts: whether one of them tells its work. */
  tells(span: SpanLike): boolean {
    if (this.#listeners.size === 0) return false;
    for (const listener of this.#listeners.values()) {
      if (!listener(span)) continue;
      this.#told ??= new WeakSet();
      this.#told.add(span);
      return true;
    }
    return false;
  }

  /** Whether one of them told the work of a span that ends. */
  hasTold(span: SpanLike): boolean {
    return this.#told?.has(span) === true;
  }
}

/** For inlets of one SDK. */
export function anEventBus(bus: EventBus): void {
  if (typeof bus?.onStart !== "function" || typeof bus.beside !== "function") {
    throw wrong(TypeError, "bus", "an EventBus", bus);
  }
}

/**
 * Lets an inlet hear of every span that starts, until it calls what it gets. Undefined if there is one of that name already,
 * which is said: two would tell everything twice.
 */
export function listenBeside(bus: EventBus, name: string, listener: SpanListener): (() => void) | undefined {
  const stop = bus.beside(name, listener);
  if (!stop) tell("warn", `this bus has ${name} already; a second one would tell everything twice, so it stays silent`);
  return stop;
}
