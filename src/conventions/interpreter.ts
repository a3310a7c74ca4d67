import { AttributeKeys } from "./attribute-keys.js";
import { checkConventions } from "./check.js";
import { ClaimIndex } from "./claim-index.js";
import type { Claim, ContentRule, Convention, EndedSpanView, SpanView, Tokens } from "./convention.js";
import { Facts, text } from "./facts.js";
import { type Failure, FailureSigns } from "./failure.js";
import { FieldIndex } from "./field-index.js";
import { Reading } from "./reading.js";
import { attempt, isAbout, type Reader, reader } from "./sources.js";
import { TableRules } from "./table-rules.js";

/** What is prepared of the tables when the first span is claimed: most processes make a bus long before. */
interface Prepared {
  readonly index: FieldIndex;
  readonly rules: ReadonlyMap<Convention, TableRules>;
  readonly failures: FailureSigns;
  readonly runIds: readonly Reader[];
}

/**
 * Reads spans by tables. It keeps nothing of any span but the names of its attributes, and throws for none, whatever its attributes are: a value of the
 * wrong type is not there.
 */
export class Interpreter {
  /** Names of span events that mean: the first chunk of the answer is here. */
  readonly firstChunkEvents: ReadonlySet<string>;
  readonly #conventions: readonly Convention[];
  readonly #claims: ClaimIndex;
  #prepared: Prepared | undefined;
  #keys: AttributeKeys | undefined;

  /**
   * Takes the tables in order, most specific first. A `TypeError` names the table and the place that is wrong; tables that
   * are known to be right need not be looked through again.
   */
  constructor(conventions: readonly Convention[], checked = false) {
    if (!checked) checkConventions(conventions);
    this.#conventions = [...conventions];
    this.#claims = new ClaimIndex(conventions);
    this.firstChunkEvents = new Set(conventions.flatMap((table) => table.firstChunk?.events ?? []));
  }

  /** What the span is, by its name, scope and the attributes it has so far; `undefined` if no table claims it. */
  classify(span: SpanView): Claim | undefined {
    return this.#claims.find(span);
  }

  /** Reads the span once, for everything that its claim says about it. */
  read(claim: Claim | undefined, span: SpanView, content: ContentRule): Reading {
    const facts = new Facts(span);
    const plan = this.#prepare().index.plan(claim?.convention, facts.keys());
    return new Reading(facts, plan, claim, this.#rulesOf, content);
  }

  /** Data of the started event: the fields of its row that are known. */
  started(claim: Claim, span: SpanView, content: ContentRule): Record<string, unknown> {
    return this.read(claim, span, content).started();
  }

  /** Data of the end event, without the duration and the error. */
  ended(claim: Claim, span: EndedSpanView, content: ContentRule): Record<string, unknown> {
    return this.read(claim, span, content).ended();
  }

  /** The token counts of the span, where its table says that the counts of such a span are meant to be added up. */
  tokens(claim: Claim, span: SpanView): Tokens | undefined {
    return this.read(claim, span, nothing).tokens();
  }

  /** Whether spans that do this may tell tokens that are added up, or why the model stopped. */
  tellsTokens(claim: Claim): boolean {
    return claim.operation === "model" || this.countsTokens(claim);
  }

  /** Whether the tokens of spans that do this are meant to be added up. */
  countsTokens({ convention, operation }: Claim): boolean {
    return this.#rulesOf(convention).counts(operation);
  }

  /** Why the span failed; `undefined` if it did not. The message is one line of at most 500 characters. */
  failure(claim: Claim | undefined, span: EndedSpanView): Failure | undefined {
    return this.#prepare().failures.find(span, claim);
  }

  /** The id of the run that the application gave to the instrumentation. */
  runId(claim: Claim | undefined, span: SpanView): string | undefined {
    const facts = new Facts(span);
    for (const runId of this.#prepare().runIds) {
      const id = isAbout(runId, claim) ? text(attempt(runId, facts, claim?.operation)) : undefined;
      if (id !== undefined) return id;
    }
    return undefined;
  }

  /**
   * Milliseconds from the start of a model call to its first chunk, by the attributes of its span or of a span event.
   * Some instrumentations tell a date: it needs the start of the span, in milliseconds since the Unix epoch.
   */
  firstChunkMillis(attributes: Readonly<Record<string, unknown>>, startMillis?: number): number | undefined {
    const reading = this.read(undefined, { name: "", scope: "", attributes, startMillis }, nothing);
    const value = reading.value("timeToFirstChunkMillis");
    return typeof value === "number" ? value : undefined;
  }

  /** Whether setting this attribute on a live span means that its first chunk is here. */
  firstChunkAttribute({ operation, convention, scope }: Claim, key: string): boolean {
    return operation === "model" && this.#rulesOf(convention).isFirstChunk(key, scope);
  }

  /** Whether the attribute holds token counts or a finish reason: worth keeping where the SDK drops it at its limit. */
  isWatched(key: string): boolean {
    this.#keys ??= new AttributeKeys(this.#conventions);
    return this.#keys.isWatched(key);
  }

  /** Whether the value of this attribute, of a span, span event or log event, is content. */
  isContent(key: string): boolean {
    this.#keys ??= new AttributeKeys(this.#conventions);
    return this.#keys.isContent(key);
  }

  readonly #rulesOf = (convention: Convention): TableRules => this.#prepare().rules.get(convention) ?? NO_RULES;

  #prepare(): Prepared {
    const conventions = this.#conventions;
    this.#prepared ??= {
      index: new FieldIndex(conventions),
      rules: new Map(conventions.map((table) => [table, new TableRules(table)])),
      failures: new FailureSigns(conventions),
      runIds: conventions.flatMap((table) => (table.runId ?? []).map((source) => reader(source, table))),
    };
    return this.#prepared;
  }
}

/** For a table that the interpreter was not given. */
const NO_RULES = new TableRules({ name: "none", claims: [] });

function nothing(): undefined {
  return undefined;
}
