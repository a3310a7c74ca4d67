import { wrong } from "../bus/checks.js";
import type { EventBus } from "./event-bus.js";
import type { SpanListener } from "./inlet.js";
import { tell } from "./tell.js";

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
