import { Condition } from "./condition.js";
import type { Claim, ClaimByAttribute, ClaimByName, ClaimedOperation, Convention, SpanView } from "./convention.js";
import { Facts, written } from "./facts.js";
import { Initials } from "./initials.js";
import { PatternMap, TextPattern } from "./pattern.js";

/** A rule at its place in the order of all rules. */
interface Ranked<Rule> {
  readonly rank: number;
  readonly convention: Convention;
  readonly rule: Rule;
  readonly operations: PatternMap<ClaimedOperation>;
  readonly condition: Condition | undefined;
}

/** The best match so far. */
interface Match {
  readonly rank: number;
  readonly convention: Convention;
  readonly operation: ClaimedOperation;
}

/**
 * Finds the first rule that claims a span. Most spans of an application are no agent's, so rules are not tried one by
 * one: a rule by attribute is looked up by the keys that the span has, a rule by name is asked where its scope fits.
 */
export class ClaimIndex {
  readonly #byKey = new Map<string, Ranked<ClaimByAttribute>[]>();
  readonly #keys = new Initials();
  readonly #byName: (Ranked<ClaimByName> & { readonly scope: TextPattern; readonly names: Initials })[] = [];

  constructor(conventions: readonly Convention[]) {
    let rank = 0;
    for (const convention of conventions) {
      for (const rule of convention.claims) {
        const operations = new PatternMap(Object.entries(rule.operations));
        const condition = rule.where === undefined ? undefined : new Condition(rule.where);
        const ranked = { rank: rank++, convention, operations, condition };
        if (rule.by === "attribute") {
          append(this.#byKey, rule.key, { ...ranked, rule });
          this.#keys.add(rule.key);
        } else {
          const names = new Initials();
          for (const name of Object.keys(rule.operations)) names.add(name);
          this.#byName.push({ ...ranked, rule, names, scope: new TextPattern(rule.where?.scope ?? "*") });
        }
      }
    }
  }

  find(span: SpanView): Claim | undefined {
    let match: Match | undefined;
    try {
      for (const key in span.attributes) {
        const rules = this.#keys.fit(key) ? this.#byKey.get(key) : undefined;
        if (rules !== undefined) match = better(match, this.#byAttributes(rules, span));
      }
    } catch {
      // Attributes that refuse to be listed claim nothing.
    }
    const scope = typeof span.scope === "string" ? span.scope : "";
    const name = typeof span.name === "string" ? span.name : "";
    for (const ranked of this.#byName) {
      if (ranked.names.fit(name) && ranked.scope.matches(scope)) match = better(match, matchByName(ranked, name, span));
    }
    return match && { convention: match.convention, operation: match.operation, scope };
  }

  #byAttributes(rules: readonly Ranked<ClaimByAttribute>[], span: SpanView): Match | undefined {
    const facts = new Facts(span);
    for (const { rank, convention, rule, operations, condition } of rules) {
      const word = written(facts.attribute(rule.key));
      if (word === undefined) continue;
      const operation = operations.get(word) ?? rule.otherwise;
      if (operation !== undefined && condition?.holds(facts) !== false) return { rank, convention, operation };
    }
    return undefined;
  }
}

function matchByName(
  { rank, convention, operations, condition }: Ranked<ClaimByName>,
  name: string,
  span: SpanView,
): Match | undefined {
  const operation = operations.get(name);
  if (operation === undefined || condition?.holds(new Facts(span)) === false) return undefined;
  return { rank, convention, operation };
}

function better(one: Match | undefined, other: Match | undefined): Match | undefined {
  if (one === undefined || other === undefined) return one ?? other;
  return other.rank < one.rank ? other : one;
}

function append<Key, Value>(map: Map<Key, Value[]>, key: Key, value: Value): void {
  const values = map.get(key);
  if (values === undefined) map.set(key, [value]);
  else values.push(value);
}
