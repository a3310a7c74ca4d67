import { fields } from "../bus/catalogue.js";
import type { Claim, ContentRule, Convention, ConventionField, SpanView, Tokens } from "./convention.js";
import { eventFields } from "./event-fields.js";
import { Facts, text } from "./facts.js";
import { type FieldIndex, fieldNames, type Placed } from "./field-index.js";
import { finishReason } from "./finish-reason.js";
import { providerName } from "./provider-name.js";
import type { TableRules } from "./table-rules.js";
import { tokensOf } from "./tokens.js";

/** A value that was found, and the table that knew where. */
export interface Found {
  readonly value: string | number | boolean;
  readonly origin: Convention;
}

/** More than there are readers. */
const LAST = 1_000_000;

/** The number of each field. */
const numbers = Object.fromEntries(fieldNames.map((field, number) => [field, number])) as Record<
  ConventionField,
  number
>;

/**
 * The fields of one span: first by the attributes that the claiming table names, then by those that the others name, at
 * last by what the claiming table says without an attribute. Unclaimed, by the attributes that any table names.
 */
export class Reading {
  readonly facts: Facts;
  readonly #claim: Claim | undefined;
  readonly #rules: TableRules;
  readonly #content: ContentRule;
  readonly #readers: Placed[];
  /** The first reader of each field: for nearly all it is the only one that is asked. */
  readonly #first: (Placed | undefined)[] = new Array(fieldNames.length).fill(undefined);

  constructor(index: FieldIndex, span: SpanView, claim: Claim | undefined, rules: TableRules, content: ContentRule) {
    this.facts = new Facts(span);
    this.#claim = claim;
    this.#rules = rules;
    this.#content = content;
    this.#readers = index.ofAttributes(span);
    if (claim) for (const placed of index.withoutAttribute(claim.convention)) this.#readers.push(placed);
    for (const placed of this.#readers) {
      const number = numbers[placed.field];
      const first = this.#first[number];
      if (first === undefined || this.#rank(placed) < this.#rank(first)) this.#first[number] = placed;
    }
  }

  /** Data of the started event: the fields of its row that are known. */
  started(): Record<string, unknown> {
    return this.#row("start");
  }

  /** Data of the end event, without the duration and the error; `inputTold` leaves out what went in. */
  ended(inputTold = false): Record<string, unknown> {
    return this.#row("end", inputTold);
  }

  /** The token counts, where the table says that the counts of such a span are meant to be added up. */
  tokens(): Tokens | undefined {
    if (!this.#claim || !this.#rules.counts(this.#claim.operation)) return undefined;
    return this.#rules.countsWhere(this.facts) ? tokensOf(this) : undefined;
  }

  conversationId(): string | undefined {
    const found = this.find("conversationId");
    return found === undefined ? undefined : String(found.value);
  }

  find(field: ConventionField): Found | undefined {
    for (let reader = this.#first[numbers[field]]; reader !== undefined; reader = this.#next(reader)) {
      const value = this.#value(reader);
      if (value === undefined) continue;
      if (reader.unlike === undefined || value !== this.#plainly(reader.unlike))
        return { value, origin: reader.origin };
    }
    return undefined;
  }

  #row(phase: "start" | "end", inputTold = false): Record<string, unknown> {
    const values: Record<string, unknown> = {};
    if (!this.#claim) return values;
    for (const field of eventFields(this.#claim.operation, phase)) {
      if (inputTold && isInput(field)) continue;
      const value = this.find(field)?.value ?? byName(field, this.facts.name);
      if (value !== undefined) values[field] = value;
    }
    return values;
  }

  /** The value of a field, for a comparison; sources that compare in turn are left out, so that there is no circle. */
  #plainly(field: ConventionField): Found["value"] | undefined {
    for (let reader = this.#first[numbers[field]]; reader !== undefined; reader = this.#next(reader)) {
      const value = reader.unlike === undefined ? this.#value(reader) : undefined;
      if (value !== undefined) return value;
    }
    return undefined;
  }

  /** The reader to ask when this one knew nothing. */
  #next(after: Placed): Placed | undefined {
    let next: Placed | undefined;
    for (const placed of this.#readers) {
      if (placed.field !== after.field || this.#rank(placed) <= this.#rank(after)) continue;
      if (next === undefined || this.#rank(placed) < this.#rank(next)) next = placed;
    }
    return next;
  }

  #rank({ rank, origin, key }: Placed): number {
    if (origin !== this.#claim?.convention) return rank;
    return key === undefined ? rank + LAST : rank - LAST;
  }

  /** The value that a source has for its field. One that cannot be read, shown or used is not there. */
  #value({ field, named, read }: Placed): Found["value"] | undefined {
    try {
      const value = read(this.facts, this.#claim?.operation);
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

/** Content that some instrumentations set only at the end. */
export function isInput(field: string): boolean {
  return field === "input" || field === "arguments";
}

/** The name of the span serves where no attribute names the thing; a tool has a name in any case. */
function byName(field: ConventionField, name: string): string | undefined {
  if (field === "toolName") return name === "" ? "unknown" : name;
  return field === "name" && name !== "" ? name : undefined;
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
