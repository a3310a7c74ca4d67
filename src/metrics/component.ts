import { type Attributes, diag, type Meter } from "@opentelemetry/api";
import { isName, wrong } from "../bus/checks.js";
import type { ObservedBus } from "./observed-bus.js";

const TYPE = "spanbus.EventBus";
const KEY = Symbol.for("spanbus.metrics.1");

/** What is one per process, however often a bundler loads this module. */
interface Registry {
  /** The numbers that buses were given. */
  readonly numbers: WeakMap<ObservedBus, number>;
  next: number;
  /** Who reports under which name. */
  readonly holders: WeakMap<Meter, Map<string, Holder>>;
}

/** A name in one meter, and the bus that has it while it is observed. */
interface Holder {
  bus: ObservedBus | undefined;
  readonly parts: Map<string, Part>;
  /** Takes away what a closed observation still reports. */
  clear: (() => void) | undefined;
}

interface Part {
  users: number;
  readonly stop: Stop;
}

/** Stops a part of the metrics. What it returns takes away what is still reported then. */
export type Stop = () => (() => void) | undefined;

/** A bus as one meter knows it. */
export interface Component {
  /**
   * Tell it from others in the process.
   *
   * @see https://opentelemetry.io/docs/specs/semconv/registry/attributes/otel/ for `otel.component.*`
   */
  readonly attributes: Attributes;
  /** Begins a part of the metrics, once however many share it; what it returns ends this share. */
  share(part: string, begin: () => Stop): () => void;
}

/** @throws TypeError or RangeError */
export function checkedName(name: string | undefined): string | undefined {
  if (name !== undefined && typeof name !== "string") throw wrong(TypeError, "name", "a string", name);
  if (name !== undefined && !isName(name)) {
    throw wrong(RangeError, "name", "1 to 256 characters without control characters", name);
  }
  return name;
}

/** A name that another bus has gets a number: two buses under one name would hide each other. */
export function componentOf(meter: Meter, bus: ObservedBus, given: string | undefined): Component {
  const { holders } = registry();
  const named = holders.get(meter) ?? new Map<string, Holder>();
  holders.set(meter, named);
  const wanted = given ?? `${TYPE}/${numberOf(bus)}`;
  let name = wanted;
  for (let n = 1; isHeldByAnother(named.get(name), bus); n += 1) name = `${wanted}/${n}`;
  if (name !== wanted) diag.warn(`spanbus: another bus is observed as "${wanted}", so this one is "${name}"`);
  const holder: Holder = named.get(name) ?? { bus, parts: new Map(), clear: undefined };
  holder.bus = bus;
  named.set(name, holder);
  return {
    attributes: { "otel.component.type": TYPE, "otel.component.name": name },
    share: (part, begin) => share(holder, part, begin),
  };
}

function share(holder: Holder, name: string, begin: () => Stop): () => void {
  let part = holder.parts.get(name);
  if (!part) {
    holder.clear?.();
    holder.clear = undefined;
    part = { users: 0, stop: begin() };
    holder.parts.set(name, part);
  }
  part.users += 1;
  const { stop } = part;
  return () => {
    part.users -= 1;
    if (part.users > 0) return;
    holder.parts.delete(name);
    if (holder.parts.size === 0) holder.bus = undefined;
    holder.clear = stop() ?? holder.clear;
  };
}

function isHeldByAnother(holder: Holder | undefined, bus: ObservedBus): boolean {
  return holder?.bus !== undefined && holder.bus !== bus;
}

function numberOf(bus: ObservedBus): number {
  const shared = registry();
  const given = shared.numbers.get(bus) ?? shared.next;
  if (given === shared.next) shared.next += 1;
  shared.numbers.set(bus, given);
  return given;
}

function registry(): Registry {
  const holder = globalThis as { [KEY]?: Registry };
  holder[KEY] ??= { numbers: new WeakMap(), next: 0, holders: new WeakMap() };
  return holder[KEY];
}
