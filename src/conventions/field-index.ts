import { fields } from "../bus/catalogue.js";
import type { Convention, ConventionField } from "./convention.js";
import { Initials } from "./initials.js";
import { type Placed, ReadingPlan } from "./reading-plan.js";
import { reader } from "./sources.js";

const fieldNames = Object.keys(fields) as readonly ConventionField[];

/** Numbers of keys for which a plan is kept: SDKs allow a span 128 attributes. */
const MAX_KEYS = 128;

/**
 * Where every field is looked up, by all tables. The tables know hundreds of keys, a span has a dozen: the readers are
 * found by the keys of the span, and since spans of one kind have the same keys one after the other, so is the plan.
 */
export class FieldIndex {
  readonly #byKey = new Map<string, Placed[]>();
  readonly #initials = new Initials();
  /** What only the table that claimed a span may say, and what it says without an attribute. */
  readonly #keyless = new Map<Convention, Placed[]>();
  /** The latest plan for the spans of a table with so many keys. */
  readonly #plans = new Map<Convention | undefined, ReadingPlan[]>();

  constructor(conventions: readonly Convention[]) {
    let rank = 0;
    for (const table of conventions) {
      for (const field of fieldNames) {
        for (const source of table.fields?.[field] ?? []) {
          rank += 1;
          const placed: Placed = { ...reader(source, table), field, rank };
          if (placed.key === undefined) append(this.#keyless, table, placed);
          else {
            append(this.#byKey, placed.key, placed);
            this.#initials.add(placed.key);
          }
        }
      }
      this.#plans.set(table, []);
    }
    this.#plans.set(undefined, []);
  }

  /** How to read a span with these keys that this table claimed, or none. */
  plan(claiming: Convention | undefined, keys: readonly string[]): ReadingPlan {
    const plans = this.#plans.get(claiming);
    const latest = plans?.[keys.length];
    if (latest?.isFor(keys)) return latest;
    const present = keys.flatMap((key) => (this.#initials.fit(key) ? (this.#byKey.get(key) ?? []) : []));
    const keyless = (claiming && this.#keyless.get(claiming)) ?? [];
    const plan = new ReadingPlan(keys, claiming, [...present, ...keyless]);
    if (plans && keys.length <= MAX_KEYS) plans[keys.length] = plan;
    return plan;
  }
}

function append<Key>(map: Map<Key, Placed[]>, key: Key, placed: Placed): void {
  const known = map.get(key);
  if (known === undefined) map.set(key, [placed]);
  else known.push(placed);
}
