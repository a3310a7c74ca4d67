import { fields } from "../bus/catalogue.js";
import type { ClaimedOperation, ContentRule, Convention, ConventionField, SpanView } from "./convention.js";
import { Facts, text } from "./facts.js";
import { finishReason } from "./finish-reason.js";
import { Initials } from "./initials.js";
import { providerName } from "./provider-name.js";
import { isOwn, type Reader, reader } from "./sources.js";

/** A value that was found, and the table that knew where. */
export interface Found {
  readonly value: string | number | boolean;
  readonly origin: Convention;
}

/** What a reader is for, and its place among the readers of that field. */
interface Placed extends Reader {
  readonly field: ConventionField;
  readonly rank: number;
}

const fieldNames = Object.keys(fields) as ConventionField[];

/**
 * Where every field is looked up for the spans of one table, in order: the attributes that this table names, those that
 * the others name, and at last the name of the span. Without a table: the attributes that any of them names.
 *
 * The tables know hundreds of keys, a span has a dozen: the readers are found by the keys of the span.
 */
export class FieldPlan {
  readonly #byKey = new Map<string, Placed[]>();
  readonly #initials = new Initials();
  readonly #keyless: Placed[] = [];

  constructor(claiming: Convention | undefined, conventions: readonly Convention[]) {
    const tables = claiming === undefined ? conventions : [claiming, ...conventions.filter((c) => c !== claiming)];
    for (const field of fieldNames) {
      const sources = tables.flatMap((table) => (table.fields?.[field] ?? []).map((source) => ({ source, table })));
      const shared = sources.filter(({ source }) => !isOwn(source));
      const own = sources.filter(({ source, table }) => isOwn(source) && table === claiming);
      for (const [rank, { source, table }] of [...shared, ...own].entries()) {
        this.#add({ ...reader(source, table), field, rank });
      }
    }
  }

  /** Reads a span; content is turned into text by the rule. */
  read(span: SpanView, operation: ClaimedOperation | undefined, content: ContentRule): Reading {
    const present: Placed[] = [];
    try {
      for (const key in span.attributes) {
        const readers = this.#initials.fit(key) ? this.#byKey.get(key) : undefined;
        if (readers !== undefined) for (const reader of readers) present.push(reader);
      }
    } catch {
      // Attributes that refuse to be listed are not there.
    }
    return new Reading(new Facts(span), operation, content, [present, this.#keyless]);
  }

  #add(placed: Placed): void {
    if (placed.key === undefined) {
      this.#keyless.push(placed);
      return;
    }
    const readers = this.#byKey.get(placed.key);
    if (readers === undefined) this.#byKey.set(placed.key, [placed]);
    else readers.push(placed);
    this.#initials.add(placed.key);
  }
}

/** The fields of one span. */
export class Reading {
  readonly facts: Facts;
  readonly #operation: ClaimedOperation | undefined;
  readonly #content: ContentRule;
  readonly #readers: readonly (readonly Placed[])[];

  constructor(
    facts: Facts,
    operation: ClaimedOperation | undefined,
    content: ContentRule,
    readers: readonly (readonly Placed[])[],
  ) {
    this.facts = facts;
    this.#operation = operation;
    this.#content = content;
    this.#readers = readers;
  }

  find(field: ConventionField): Found | undefined {
    for (let reader = this.#next(field); reader !== undefined; reader = this.#next(field, reader.rank)) {
      const value = this.#value(reader);
      if (value === undefined) continue;
      if (reader.unlike === undefined || value !== this.#plainly(reader.unlike))
        return { value, origin: reader.origin };
    }
    return undefined;
  }

  /** The value of a field, for a comparison; sources that compare in turn are left out, so that there is no circle. */
  #plainly(field: ConventionField): Found["value"] | undefined {
    for (let reader = this.#next(field); reader !== undefined; reader = this.#next(field, reader.rank)) {
      const value = reader.unlike === undefined ? this.#value(reader) : undefined;
      if (value !== undefined) return value;
    }
    return undefined;
  }

  /** The next reader of a field. A few are asked for the first of some ten: that is less work than sorting all. */
  #next(field: ConventionField, after = -1): Placed | undefined {
    let next: Placed | undefined;
    for (const readers of this.#readers) {
      for (const reader of readers) {
        if (reader.field !== field || reader.rank <= after) continue;
        if (next === undefined || reader.rank < next.rank) next = reader;
      }
    }
    return next;
  }

  /** The value that a source has for its field. One that cannot be read, shown or used is not there. */
  #value({ field, named, read }: Placed): Found["value"] | undefined {
    try {
      const value = read(this.facts, this.#operation);
      if (value === undefined || value === null) return undefined;
      switch (fields[field].type) {
        case "content":
          return value === "" ? undefined : this.#content(value);
        case "number":
          return number(field, named ? digits(value) : value);
        case "boolean":
          return typeof value === "boolean" ? value : undefined;
        case "string":
          return word(field, text(value)?.trim());
      }
    } catch {
      return undefined;
    }
  }
}

function word(field: ConventionField, value: string | undefined): string | undefined {
  if (value === undefined || value === "") return undefined;
  if (field === "provider") return providerName(value);
  return field === "finishReason" ? finishReason(value) : value;
}

function number(field: ConventionField, value: unknown): number | undefined {
  if (typeof value !== "number" || !Number.isFinite(value)) return undefined;
  return value >= 0 || field === "score" ? value : undefined;
}

function digits(value: unknown): unknown {
  return typeof value === "string" && /^\d{1,15}$/.test(value) ? Number(value) : undefined;
}
