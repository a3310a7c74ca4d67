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
import { Facts, text } from "./facts.js";
import { type Failure, FailureSigns } from "./failure.js";
import { FieldPlan, type Reading } from "./field-plan.js";
import { TextPattern } from "./pattern.js";
import { attempt, type Reader, reader } from "./sources.js";
import { tokensOf } from "./tokens.js";

/** What is prepared of one table. */
interface Prepared {
  readonly plan: FieldPlan;
  readonly counted: readonly ClaimedOperation[];
  readonly countedWhere: Condition;
  /** Attribute to the scopes in which setting it means a first chunk. */
  readonly firstChunk: ReadonlyMap<string, TextPattern>;
}

/**
 * Reads spans by tables. It keeps nothing of any span and throws for none, whatever its attributes are: a value of the
 * wrong type is not there.
 */
export class Interpreter {
  /** Names of span events that mean: the first chunk of the answer is here. */
  readonly firstChunkEvents: ReadonlySet<string>;
  readonly #claims: ClaimIndex;
  readonly #prepared: ReadonlyMap<Convention, Prepared>;
  readonly #anyTable: FieldPlan;
  readonly #runIds: readonly Reader[];
  readonly #failures: FailureSigns;
  readonly #keys: AttributeKeys;

  /** Takes the tables in order, most specific first. A `TypeError` names the table and the place that is wrong. */
  constructor(conventions: readonly Convention[]) {
    checkConventions(conventions);
    this.#claims = new ClaimIndex(conventions);
    this.#prepared = new Map(conventions.map((table) => [table, prepared(table, conventions)]));
    this.#anyTable = new FieldPlan(undefined, conventions);
    this.#runIds = conventions.flatMap((table) => (table.runId ?? []).map((source) => reader(source, table)));
    this.#failures = new FailureSigns(conventions);
    this.#keys = new AttributeKeys(conventions);
    this.firstChunkEvents = new Set(conventions.flatMap((table) => table.firstChunk?.events ?? []));
  }

  /** What the span is, by its name, scope and the attributes it has so far; `undefined` if no table claims it. */
  classify(span: SpanView): Claim | undefined {
    return this.#claims.find(span);
  }

  /** Data of the started event: the fields of its row that are known. */
  started(claim: Claim, span: SpanView, content: ContentRule): Record<string, unknown> {
    return data(this.#read(claim, span, content), eventFields(claim.operation, "start"));
  }

  /** Data of the end event, without the duration and the error. */
  ended(claim: Claim, span: EndedSpanView, content: ContentRule): Record<string, unknown> {
    return data(this.#read(claim, span, content), eventFields(claim.operation, "end"));
  }

  /** The token counts of the span, where its table says that the counts of such a span are meant to be added up. */
  tokens(claim: Claim, span: SpanView): Tokens | undefined {
    const table = this.#prepared.get(claim.convention);
    if (!(table?.counted ?? countedByDefault).includes(claim.operation)) return undefined;
    const reading = this.#read(claim, span, nothing);
    return table?.countedWhere.holds(reading.facts) === false ? undefined : tokensOf(reading);
  }

  /** Why the span failed; `undefined` if it did not. The message is one line of at most 500 characters. */
  failure(claim: Claim | undefined, span: EndedSpanView): Failure | undefined {
    return this.#failures.find(span, claim !== undefined);
  }

  /** The id of the run that the application gave to the instrumentation. */
  runId(span: SpanView): string | undefined {
    const facts = new Facts(span);
    for (const runId of this.#runIds) {
      const id = text(attempt(runId, facts));
      if (id !== undefined) return id;
    }
    return undefined;
  }

  conversationId(span: SpanView): string | undefined {
    const found = this.#anyTable.read(span, undefined, nothing).find("conversationId");
    return found === undefined ? undefined : String(found.value);
  }

  /**
   * Milliseconds from the start of a model call to its first chunk, by the attributes of its span or of a span event.
   * Some instrumentations tell a date: it needs the start of the span, in milliseconds since the Unix epoch.
   */
  firstChunkMillis(attributes: Readonly<Record<string, unknown>>, startMillis?: number): number | undefined {
    const reading = this.#anyTable.read({ name: "", scope: "", attributes, startMillis }, undefined, nothing);
    const value = reading.find("timeToFirstChunkMillis")?.value;
    return typeof value === "number" ? value : undefined;
  }

  /** Whether setting this attribute on a live span means that its first chunk is here. */
  firstChunkAttribute(claim: Claim, key: string): boolean {
    if (claim.operation !== "model") return false;
    return this.#prepared.get(claim.convention)?.firstChunk.get(key)?.matches(claim.scope) ?? false;
  }

  /** Whether the attribute holds token counts or a finish reason: worth keeping where the SDK drops it at its limit. */
  isWatched(key: string): boolean {
    return this.#keys.isWatched(key);
  }

  /** Whether the value of this attribute, of a span, span event or log event, is content. */
  isContent(key: string): boolean {
    return this.#keys.isContent(key);
  }

  #read(claim: Claim, span: SpanView, content: ContentRule): Reading {
    const plan = this.#prepared.get(claim.convention)?.plan ?? this.#anyTable;
    return plan.read(span, claim.operation, content);
  }
}

const countedByDefault: readonly ClaimedOperation[] = ["model", "embedding", "invocation"];

function prepared(table: Convention, conventions: readonly Convention[]): Prepared {
  const { operations = countedByDefault, where = {} } = table.tokens ?? {};
  const scopes = table.firstChunk?.attributes?.map(({ key, scope = "*" }) => [key, new TextPattern(scope)] as const);
  return {
    plan: new FieldPlan(table, conventions),
    counted: operations,
    countedWhere: new Condition(where),
    firstChunk: new Map(scopes),
  };
}

function data(reading: Reading, names: readonly ConventionField[]): Record<string, unknown> {
  const values: Record<string, unknown> = {};
  for (const field of names) {
    const value = reading.find(field)?.value ?? byName(field, reading.facts.name);
    if (value !== undefined) values[field] = value;
  }
  return values;
}

/** The name of the span serves where no attribute names the thing; a tool has a name in any case. */
function byName(field: ConventionField, name: string): string | undefined {
  if (field === "toolName") return name === "" ? "unknown" : name;
  return field === "name" && name !== "" ? name : undefined;
}

function nothing(): undefined {
  return undefined;
}
