import { fields } from "../bus/catalogue.js";
import type { Claim, ContentRule, Convention, ConventionField, Tokens } from "./convention.js";
import { eventFields } from "./event-fields.js";
import { type Facts, text } from "./facts.js";
import { finishReason } from "./finish-reason.js";
import { providerName } from "./provider-name.js";
import type { Placed, ReadingPlan } from "./reading-plan.js";
import type { TableRules } from "./table-rules.js";
import { tokensOf } from "./tokens.js";

/** A value that was found, and the table that knew where. */
export interface Found {
  readonly value: string | number | boolean;
  readonly origin: Convention;
}

/** The rules of a table. */
export type RulesOf = (table: Convention) => TableRules;

/** The fields of one span, read by the plan for its keys. */
export class Reading {
  readonly facts: Facts;
  readonly #plan: ReadingPlan;
  readonly #claim: Claim | undefined;
  readonly #rules: RulesOf;
  readonly #content: ContentRule;

  constructor(facts: Facts, plan: ReadingPlan, claim: Claim | undefined, rules: RulesOf, content: ContentRule) {
    this.facts = facts;
    this.#plan = plan;
    this.#claim = claim;
    this.#rules = rules;
    this.#content = content;
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
    if (!this.#claim) return undefined;
    const rules = this.#rules(this.#claim.convention);
    return rules.counts(this.#claim.operation) && rules.countsWhere(this.facts)
      ? tokensOf(this, this.#rules)
      : undefined;
  }

  /** The value of a field. */
  value(field: ConventionField): Found["value"] | undefined {
    return this.#first(this.#plan.readersOf(field));
  }

  #first(readers: readonly Placed[]): Found["value"] | undefined {
    for (let index = 0; index < readers.length; index += 1) {
      const value = this.#unlike(readers[index] as Placed);
      if (value !== undefined) return value;
    }
    return undefined;
  }

  /** The value of a field, and who knew it. */
  find(field: ConventionField): Found | undefined {
    for (const reader of this.#plan.readersOf(field)) {
      const value = this.#unlike(reader);
      if (value !== undefined) return { value, origin: reader.origin };
    }
    return undefined;
  }

  /** The value that a source has, unless it must differ from another field and does not. */
  #unlike(reader: Placed): Found["value"] | undefined {
    const value = this.#value(reader);
    if (reader.unlike === undefined) return value;
    return value === this.#plainly(reader.unlike) ? undefined : value;
  }

  #row(phase: "start" | "end", inputTold = false): Record<string, unknown> {
    const values: Record<string, unknown> = {};
    if (!this.#claim) return values;
    for (const { field, readers } of this.#plan.row(eventFields(this.#claim.operation, phase), isNamed)) {
      if (inputTold && isInput(field)) continue;
      const value = this.#first(readers) ?? byName(field, this.facts.name);
      if (value !== undefined) values[field] = value;
    }
    return values;
  }

  /** The value of a field, for a comparison; sources that compare in turn are left out, so that there is no circle. */
  #plainly(field: ConventionField): Found["value"] | undefined {
    for (const reader of this.#plan.readersOf(field)) {
      const value = reader.unlike === undefined ? this.#value(reader) : undefined;
      if (value !== undefined) return value;
    }
    return undefined;
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

function isNamed(field: ConventionField): boolean {
  return field === "toolName" || field === "name";
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
