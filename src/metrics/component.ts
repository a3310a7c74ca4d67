import type { Attributes } from "@opentelemetry/api";
import { isName, wrong } from "../bus/checks.js";
import type { ObservedBus } from "./observed-bus.js";

const TYPE = "spanbus.EventBus";
const KEY = Symbol.for("spanbus.metrics.1");

/** The numbers that buses of this process were given, however often a bundler loads this module. */
interface Numbers {
  readonly given: WeakMap<ObservedBus, number>;
  next: number;
}

/**
 * Tells this bus from others in the process.
 *
 * @see https://opentelemetry.io/docs/specs/semconv/registry/attributes/otel/ for `otel.component.*`
 */
export function componentAttributes(bus: ObservedBus, name: string | undefined): Attributes {
  if (name !== undefined && typeof name !== "string") throw wrong(TypeError, "name", "a string", name);
  if (name !== undefined && !isName(name)) {
    throw wrong(RangeError, "name", "1 to 256 characters without control characters", name);
  }
  return { "otel.component.type": TYPE, "otel.component.name": name ?? `${TYPE}/${numberOf(bus)}` };
}

function numberOf(bus: ObservedBus): number {
  const holder = globalThis as { [KEY]?: Numbers };
  holder[KEY] ??= { given: new WeakMap(), next: 0 };
  const numbers = holder[KEY];
  const given = numbers.given.get(bus) ?? numbers.next;
  if (given === numbers.next) numbers.next += 1;
  numbers.given.set(bus, given);
  return given;
}
