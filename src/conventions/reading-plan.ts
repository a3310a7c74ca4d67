import type { Convention, ConventionField } from "./convention.js";
import type { Reader } from "./sources.js";

/** What a reader is for, and its place among the readers of that field, in the order of the tables. */
export interface Placed extends Reader {
  readonly field: ConventionField;
  readonly rank: number;
}

const NONE: readonly Placed[] = [];

/** A field of a row, and who is asked for it. */
export interface RowField {
  readonly field: ConventionField;
  readonly readers: readonly Placed[];
}

/**
 * Who is asked for each field of a span with certain keys: first the attributes that the claiming table names, then those
 * that the others name, at last what the claiming table says without an attribute.
 */
export class ReadingPlan {
  readonly #keys: readonly string[];
  readonly #readers = new Map<ConventionField, Placed[]>();
  readonly #rows = new Map<readonly ConventionField[], readonly RowField[]>();

  constructor(keys: readonly string[], claiming: Convention | undefined, readers: readonly Placed[]) {
    this.#keys = keys;
    const turn = ({ origin, key }: Placed): number => (origin !== claiming ? 1 : key === undefined ? 2 : 0);
    for (const placed of [...readers].sort((a, b) => turn(a) - turn(b) || a.rank - b.rank)) {
      const known = this.#readers.get(placed.field);
      if (known) known.push(placed);
      else this.#readers.set(placed.field, [placed]);
    }
  }

  isFor(keys: readonly string[]): boolean {
    for (let index = 0; index < keys.length; index += 1) if (keys[index] !== this.#keys[index]) return false;
    return keys.length === this.#keys.length;
  }

  readersOf(field: ConventionField): readonly Placed[] {
    return this.#readers.get(field) ?? NONE;
  }

  /** The fields of a row that somebody can be asked for, or that `always` have a value. */
  row(fields: readonly ConventionField[], always: (field: ConventionField) => boolean): readonly RowField[] {
    let row = this.#rows.get(fields);
    if (!row) {
      row = fields.flatMap((field) => {
        const readers = this.readersOf(field);
        return readers.length > 0 || always(field) ? [{ field, readers }] : [];
      });
      this.#rows.set(fields, row);
    }
    return row;
  }
}
