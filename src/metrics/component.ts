import { type Attributes, diag, type Meter } from "@opentelemetry/api";
import { isName, wrong } from "../bus/checks.js";

const KEY = Symbol.for("spanbus.metrics.1");

/** What is one per process, however often a bundler loads this module. */
interface Registry {
  /** The numbers that components were given, and the next one of each type. */
  readonly numbers: WeakMap<object, number>;
  readonly next: Map<string, number>;
  /** Who reports under which name. */
  readonly holders: WeakMap<Meter, Map<string, Holder>>;
}

/** A name in one meter, and the component that has it while it is observed. */
interface Holder {
  of: object | undefined;
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

/** What is observed, and its `otel.component.type`. */
export interface Typed {
  readonly observed: object;
  readonly type: string;
}

/** It as one meter knows it. */
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

/** A name that another of its type has gets a number: two under one name would hide each other. */
export function componentOf(meter: Meter, { observed, type }: Typed, given: string | undefined): Component {
  const { holders } = registry();
  const named = holders.get(meter) ?? new Map<string, Holder>();
  holders.set(meter, named);
  const holderOf = (name: string): Holder | undefined => named.get(`${type} ${name}`);
  const wanted = given ?? `${type}/${numberOf({ observed, type })}`;
  let name = wanted;
  for (let n = 1; isHeldByAnother(holderOf(name), observed); n += 1) name = `${wanted}/${n}`;
  if (name !== wanted) diag.warn(`spanbus: another ${type} is observed as "${wanted}", so this one is "${name}"`);
  const holder: Holder = holderOf(name) ?? { of: observed, parts: new Map(), clear: undefined };
  holder.of = observed;
  named.set(`${type} ${name}`, holder);
  return {
    attributes: { "otel.component.type": type, "otel.component.name": name },
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
    if (holder.parts.size === 0) holder.of = undefined;
    holder.clear = stop() ?? holder.clear;
  };
}

function isHeldByAnother(holder: Holder | undefined, observed: object): boolean {
  return holder?.of !== undefined && holder.of !== observed;
}

function numberOf({ observed, type }: Typed): number {
  const { numbers, next } = registry();
  const given = numbers.get(observed);
  if (given !== undefined) return given;
  const number = next.get(type) ?? 0;
  numbers.set(observed, number);
  next.set(type, number + 1);
  return number;
}

function registry(): Registry {
  const holder = globalThis as { [KEY]?: Registry };
  holder[KEY] ??= { numbers: new WeakMap(), next: new Map(), holders: new WeakMap() };
  return holder[KEY];
}
