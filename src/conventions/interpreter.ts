import { AttributeKeys } from "./attribute-keys.js";
import { checkConventions } from "./check.js";
import { ClaimIndex } from "./claim-index.js";
import { Condition } from "./condition.js";
import type {
  Claim,
  ClaimedOperation,
  ContentRule,
  Convention,
  ConventionField,
  EndedSpanView,
  SpanView,
  Tokens,
} from "./convention.js";
import { eventFields } from "./event-fields.js";
import { Facts } from "./facts.js";
import { type Failure, FailureSigns } from "./failure.js";
import { FieldPlan, type Subject } from "./field-plan.js";
import { TextPattern } from "./pattern.js";
import { tokensOf } from "./tokens.js";

/**
 * Reads spans by tables. It holds no state of any span and never throws for one, whatever its attributes are: a value
 * of the wrong type is not there.
 */
export class Interpreter {
  /** Names of span events that mean: the first chunk of the answer is here. */
  readonly firstChunkEvents: ReadonlySet<string>;
  readonly #claims: ClaimIndex;
  readonly #plans: ReadonlyMap<Convention, FieldPlan>;
  readonly #unclaimed: FieldPlan;
  readonly #failures: FailureSigns;
  readonly #keys: AttributeKeys;
  readonly #firstChunkAttributes: ReadonlyMap<Convention, ReadonlyMap<string, TextPattern>>;

  /** Takes the tables in order, most specific first. A `TypeError` names the table and the place that is wrong. */
  constructor(conventions: readonly Convention[]) {
    checkConventions(conventions);
    this.#claims = new ClaimIndex(conventions);
    this.#plans = new Map(conventions.map((table) => [table, new FieldPlan(table, conventions)]));
    this.#unclaimed = new FieldPlan(undefined, conventions);
    this.#failures = new FailureSigns(conventions);
    this.#keys = new AttributeKeys(conventions);
    this.firstChunkEvents = new Set(conventions.flatMap((table) => table.firstChunk?.events ?? []));
    this.#firstChunkAttributes = new Map(conventions.map((table) => [table, firstChunkAttributes(table)]));
  }

  /** What the span is by its name, scope and the attributes it has so far; `undefined` if no table claims it. */
  classify(span: SpanView): Claim | undefined {
    return this.#claims.find(span);
  }

  /** Data of the started event: what is known of the fields of its row. */
  started(claim: Claim, span: SpanView, content: ContentRule): Record<string, unknown> {
    return this.#data(claim, span, content, "start");
  }

  /** Data of the end event, without the duration and the error. */
  ended(claim: Claim, span: EndedSpanView, content: ContentRule): Record<string, unknown> {
    return this.#data(claim, span, content, "end");
  }

  /** The token counts that the span reports, where its table says that such a span's counts are meant to be added up. */
  tokens(claim: Claim, span: SpanView): Tokens | undefined {
    const { operations = countedByDefault, where = {} } = claim.convention.tokens ?? {};
    if (!operations.includes(claim.operation)) return undefined;
    const facts = new Facts(span);
    if (!new Condition(where).holds(facts)) return undefined;
    return tokensOf(this.#plan(claim), { facts, operation: claim.operation, content: nothing });
  }

  /** Why the span failed; `undefined` if it did not. The message holds one line of at most 500 characters. */
  failure(claim: Claim | undefined, span: EndedSpanView): Failure | undefined {
    return this.#failures.find(span, claim !== undefined);
  }

  /** The id of the run that the application gave to the instrumentation. */
  runId(span: SpanView): string | undefined {
    return this.#unclaimed.runId(unclaimed(span));
  }

  conversationId(span: SpanView): string | undefined {
    const found = this.#unclaimed.find("conversationId", unclaimed(span));
    return found === undefined ? undefined : String(found.value);
  }

  /**
   * Milliseconds from the start of a model call to its first chunk, by the attributes of its span or of a span event.
   * Some instrumentations tell a date: it needs the start of the span.
   */
  firstChunkMillis(attributes: Readonly<Record<string, unknown>>, startMillis?: number): number | undefined {
    const found = this.#unclaimed.find(
      "timeToFirstChunkMillis",
      unclaimed({ name: "", scope: "", attributes, startMillis }),
    );
    return typeof found?.value === "number" ? found.value : undefined;
  }

  /** Whether setting this attribute on a live span means that its first chunk is here. */
  firstChunkAttribute(claim: Claim, key: string): boolean {
    if (claim.operation !== "model") return false;
    return this.#firstChunkAttributes.get(claim.convention)?.get(key)?.matches(claim.scope) ?? false;
  }

  /** Whether the attribute holds token counts or a finish reason: worth keeping when the SDK drops it at its limit. */
  isWatched(key: string): boolean {
    return this.#keys.isWatched(key);
  }

  /** Whether the value of this attribute, of a span, span event or log event, is content. */
  isContent(key: string): boolean {
    return this.#keys.isContent(key);
  }

  #plan(claim: Claim): FieldPlan {
    return this.#plans.get(claim.convention) ?? this.#unclaimed;
  }

  #data(claim: Claim, span: SpanView, content: ContentRule, phase: "start" | "end"): Record<string, unknown> {
    const plan = this.#plan(claim);
    const subject: Subject = { facts: new Facts(span), operation: claim.operation, content };
    const data: Record<string, unknown> = {};
    for (const field of eventFields(claim.operation, phase)) {
      const value = plan.find(field, subject)?.value ?? byName(field, subject.facts.name);
      if (value !== undefined) data[field] = value;
    }
    return data;
  }
}

const countedByDefault: readonly ClaimedOperation[] = ["model", "embedding", "invocation"];

/** The name of the span serves where no attribute names the thing; a tool has a name in any case. */
function byName(field: ConventionField, name: string): string | undefined {
  if (field === "toolName") return name === "" ? "unknown" : name;
  return field === "name" && name !== "" ? name : undefined;
}

function unclaimed(span: SpanView): Subject {
  return { facts: new Facts(span), operation: undefined, content: nothing };
}

function nothing(): undefined {
  return undefined;
}

function firstChunkAttributes({ firstChunk }: Convention): ReadonlyMap<string, TextPattern> {
  return new Map(firstChunk?.attributes?.map(({ key, scope = "*" }) => [key, new TextPattern(scope)]));
}
