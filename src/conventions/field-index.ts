import { fields } from "../bus/catalogue.js";
import type { Convention, ConventionField, SpanView } from "./convention.js";
import { Initials } from "./initials.js";
import { isOwn, type Reader, reader } from "./sources.js";

/** What a reader is for, and its place among the readers of that field, in the order of the tables. */
export interface Placed extends Reader {
  readonly field: ConventionField;
  readonly rank: number;
}

/** Every field that a table can fill. */
export const fieldNames = Object.keys(fields) as readonly ConventionField[];

/**
 * Where every field is looked up, by all tables. The tables know hundreds of keys, a span has a dozen: the readers are
 * found by the keys of the span.
 */
export class FieldIndex {
  readonly #byKey = new Map<string, Placed[]>();
  readonly #initials = new Initials();
  /** What only the table that claimed a span may say, and what it says without an attribute. */
  readonly #keyless = new Map<Convention, Placed[]>();

  constructor(conventions: readonly Convention[]) {
    let rank = 0;
    for (const table of conventions) {
      for (const field of fieldNames) {
        for (const source of table.fields?.[field] ?? []) {
          rank += 1;
          const placed: Placed = { ...reader(source, table), field, rank };
          if (isOwn(source) || placed.key === undefined) append(this.#keyless, table, placed);
          else {
            append(this.#byKey, placed.key, placed);
            this.#initials.add(placed.key);
          }
        }
      }
    }
  }

  /** The readers of all attributes that the span has. */
  ofAttributes(span: SpanView): Placed[] {
    const present: Placed[] = [];
    try {
      for (const key in span.attributes) {
        const readers = this.#initials.fit(key) ? this.#byKey.get(key) : undefined;
        if (readers !== undefined) for (const placed of readers) present.push(placed);
      }
    } catch {
      // Attributes that refuse to be listed are not there.
    }
    return present;
  }

  /** What the table says without an attribute. */
  withoutAttribute(table: Convention): readonly Placed[] {
    return this.#keyless.get(table) ?? NONE;
  }
}

const NONE: readonly Placed[] = [];

function append<Key>(map: Map<Key, Placed[]>, key: Key, placed: Placed): void {
  const known = map.get(key);
  if (known === undefined) map.set(key, [placed]);
  else known.push(placed);
}
