import type { Attributes } from "@opentelemetry/api";
import { cut } from "../bus/bounded-json.js";

const MAX_NAMES = 100;
const MAX_COMBINATIONS = 500;
const MAX_LENGTH = 128;
const OTHER = "_other";

/**
 * Keeps series few, whatever agents call themselves: of each attribute the first 100 names, of each metric the first 500
 * combinations. What comes later shares one.
 */
export class BoundedAttributes {
  readonly #names = new Map<string, Set<string>>();
  readonly #combinations = new Map<string, Set<string>>();

  of(metric: string, names: Readonly<Record<string, string>>): Attributes {
    const bounded = Object.entries(names).map(([attribute, name]) => [attribute, this.#name(attribute, name)] as const);
    const isKnown = this.#admit(this.#combinations, metric, JSON.stringify(bounded), MAX_COMBINATIONS);
    return Object.fromEntries(isKnown ? bounded : bounded.map(([attribute]) => [attribute, OTHER]));
  }

  #name(attribute: string, value: string): string {
    const name = cut(value, MAX_LENGTH).replace(/\p{Cc}/gu, "\u{FFFD}");
    return this.#admit(this.#names, attribute, name, MAX_NAMES) ? name : OTHER;
  }

  /** False when it is new and there is no room for it. */
  #admit(all: Map<string, Set<string>>, key: string, value: string, max: number): boolean {
    const seen = all.get(key) ?? new Set();
    all.set(key, seen);
    if (!seen.has(value) && seen.size === max) return false;
    seen.add(value);
    return true;
  }
}
