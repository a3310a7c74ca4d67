import type { BusEvent } from "../../bus/event.js";
import { familyOf } from "./operations.js";
import { summaryOf } from "./summary.js";

const MAX_EVENTS = 5000;
/** Room is made in pieces: cutting an array for each event would cost as much as the array is long. */
const PIECE = 500;
/** Types of the user's own may be any number: those of later families are told together. */
const MAX_FAMILIES = 12;
const LATER = "other";

/** The newest 5000 events of a run, and those that the filter lets through. A gap passes every filter. */
export class EventList {
  readonly #all: BusEvent[] = [];
  #passed: BusEvent[] | undefined;
  readonly #families = new Map<string, number>();
  readonly #hidden = new Set<string>();
  #words: readonly string[] = [];
  #leftOut = 0;

  get size(): number {
    return this.#all.length;
  }

  /** Events that the page let go because there were too many. */
  get leftOut(): number {
    return this.#leftOut;
  }

  /**
   * The first 12 families of types, then `other`, and how many events of each there were. Those of the bus itself are no
   * choice.
   */
  get families(): ReadonlyMap<string, number> {
    return this.#families;
  }

  isHidden(family: string): boolean {
    return this.#hidden.has(family);
  }

  add(event: BusEvent): void {
    this.#all.push(event);
    const family = this.#familyOf(event);
    if (family !== "bus") this.#families.set(family, (this.#families.get(family) ?? 0) + 1);
    if (this.#all.length > MAX_EVENTS) {
      this.#all.splice(0, PIECE);
      this.#leftOut += PIECE;
      this.#passed = undefined;
    } else if (this.#passed && this.#passes(event)) this.#passed.push(event);
  }

  /** Shows or hides the events of a family. */
  show(family: string, isShown: boolean): void {
    if (isShown) this.#hidden.delete(family);
    else this.#hidden.add(family);
    this.#passed = undefined;
  }

  /** Shows only events in whose type, summary or span id each of the words is. */
  search(text: string): void {
    this.#words = text.toLowerCase().split(/\s+/).filter(Boolean);
    this.#passed = undefined;
  }

  /** The same array until something changes that is not an addition. */
  passed(): readonly BusEvent[] {
    this.#passed ??= this.#all.filter((event) => this.#passes(event));
    return this.#passed;
  }

  #familyOf({ type }: BusEvent): string {
    const family = familyOf(type);
    const isTold = family === "bus" || this.#families.has(family) || this.#families.size < MAX_FAMILIES;
    return isTold ? family : LATER;
  }

  #passes(event: BusEvent): boolean {
    if (event.type === "bus.gap") return true;
    if (this.#hidden.has(this.#familyOf(event))) return false;
    if (this.#words.length === 0) return true;
    const text = `${event.type} ${summaryOf(event)} ${event.spanId ?? ""}`.toLowerCase();
    return this.#words.every((word) => text.includes(word));
  }
}
