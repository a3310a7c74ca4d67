import type { Attachment } from "./attach.js";
import type { EventBus } from "./event-bus.js";

/**
 * What is one per process, however often a bundler loads this module: the process-wide bus, and the order in which
 * bindings were made and runs were sealed.
 */
export interface Registry {
  bus?: EventBus | undefined;
  sequence: number;
  toldOfMissingBus?: boolean;
  /** There if the bus of the process, whichever it is, is attached to the global providers. */
  attachment?: Attachment;
}

const KEY = Symbol.for("spanbus.1");

export function registry(): Registry {
  const holder = globalThis as { [KEY]?: unknown };
  const found = holder[KEY];
  if (isRegistry(found)) return found;
  const made: Registry = { sequence: 0 };
  holder[KEY] = made;
  return made;
}

/** The next place in the order of the process. */
export function nextInOrder(): number {
  const shared = registry();
  shared.sequence += 1;
  return shared.sequence;
}

function isRegistry(value: unknown): value is Registry {
  return typeof value === "object" && value !== null && typeof (value as Registry).sequence === "number";
}
