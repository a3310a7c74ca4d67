import type { FieldName } from "../bus/catalogue.js";
import type { Operation } from "../bus/event.js";

/** What the interpreter reads of a span. */
export interface SpanView {
  /** The name at the start: some instrumentations rename the span at its end. */
  readonly name: string;
  /** Name of the instrumentation scope, `""` if the span has none. */
  readonly scope: string;
  readonly attributes: Readonly<Record<string, unknown>>;
  /** Start time in milliseconds since the Unix epoch; without it, facts told as a date are left out. */
  readonly startMillis?: number | undefined;
}

/** What it reads of a span that ended. */
export interface EndedSpanView extends SpanView {
  readonly status: { readonly code: number; readonly message?: string | undefined };
  /** The first exception recorded on the span, if any. */
  readonly exception?: { readonly type?: string | undefined; readonly message?: string | undefined } | undefined;
}

/**
 * What a span turned out to be. `handoff` is one event at the end, `chunk` only marks the first chunk of the model call
 * around it, `ignored` is claimed (so that no other table takes it) and is no event.
 */
export type ClaimedOperation = Operation | "handoff" | "chunk" | "ignored";

/**
 * What one family of instrumentations writes on its spans, as plain data. Tables are asked in the order of the list:
 * the first that claims a span decides what it is, and its sources are read before those of the others.
 */
export interface Convention {
  /** Name of the family, for error messages. */
  readonly name: string;
  /** Which spans are of this family, and what each of them does. The first rule that matches wins. */
  readonly claims: readonly ClaimRule[];
  /** Where the fields of the events are found. The first source that has a value of the right type wins. */
  readonly fields?: { readonly [Name in ConventionField]?: readonly Source[] };
  /** Where the application's own id of the run is found. */
  readonly runId?: readonly PlainSource[];
  /** How token counts are meant. Where they are found is said in `fields`. */
  readonly tokens?: TokenRules;
  /** Signs of failure besides the status, a recorded exception and `error.type`. */
  readonly failures?: readonly FailureRule[];
  /** Signs, on a model span that is still open, that its answer has begun to arrive. */
  readonly firstChunk?: FirstChunkRules;
  /** Attribute keys that hold content (prompts, answers, documents) besides those of the content fields above. */
  readonly content?: readonly Pattern[];
}

/** The fields of event data that a table can fill; the bus itself measures and counts the others. */
export type ConventionField = Exclude<
  FieldName,
  "durationMillis" | "reason" | "error" | "modelCalls" | "toolCalls" | "failedToolCalls" | "text" | "chunks"
>;

/** A text with at most one `*`, which stands for any characters or none: `chat`, `gen_ai.*`, `*.doGenerate`. */
export type Pattern = string;

/** Conditions of a rule or source. All that are given must hold. */
export interface Where {
  /** `"@traceloop/*"`: the name of the instrumentation scope. */
  readonly scope?: Pattern;
  /** `["handoff", "handoff to *"]`: the name of the span; one of the patterns must fit. */
  readonly name?: readonly Pattern[];
  /** `{ "mastra.span.type": "agent_run" }`: each of these attributes has such a value, if need be as it is written: `"true"`. */
  readonly attributes?: Readonly<Record<string, Pattern>>;
  /** `"gen_ai.*"`: the span has some attribute with such a key. */
  readonly anyAttribute?: Pattern;
}

/** Claims spans, by one of the words of `by`. */
export type ClaimRule = ClaimByAttribute | ClaimByName;

/**
 * The value of one attribute says what the span does.
 *
 * ```ts
 * { by: "attribute", key: "gen_ai.operation.name", operations: { chat: "model", "*_memory": "memory" } }
 * { by: "attribute", key: "mcp.method.name", operations: { "tools/call": "tool" }, otherwise: "mcp" }
 * ```
 */
export interface ClaimByAttribute {
  readonly by: "attribute";
  readonly key: string;
  /** Value of the attribute to operation; exact values go before patterns. */
  readonly operations: Readonly<Record<Pattern, ClaimedOperation>>;
  /** The operation for every other value. Without it, spans with another value are left to the next rule. */
  readonly otherwise?: ClaimedOperation;
  readonly where?: Where;
}

/**
 * The name of the span says what it does; for instrumentations that set nothing else at the start. Give a scope, or
 * names that are surely yours.
 *
 * ```ts
 * { by: "name", operations: { "agent run: *": "invocation" }, where: { scope: "@mastra/otel-bridge" } }
 * ```
 */
export interface ClaimByName {
  readonly by: "name";
  readonly operations: Readonly<Record<Pattern, ClaimedOperation>>;
  readonly where?: Where;
}

/** Where a value is found. A plain string is the key of an attribute; the other forms are told apart by `from`. */
export type Source =
  | string
  | AttributeSource
  | FirstSource
  | JsonSource
  | NameSource
  | SecondsSource
  | DateSource
  | EqualsSource
  | ConstantSource;

/** A source outside of `fields`: there it has no other field to differ from. */
export type PlainSource = string | (Exclude<Source, string> & { readonly unlike?: never });

/** Limits of a source. */
export interface SourceOptions {
  /** `["invocation"]`: only on spans that do this. */
  readonly for?: readonly (Operation | "handoff")[];
  readonly where?: Where;
  /** `"model"`: not when the value is the same as that of this field. */
  readonly unlike?: ConventionField;
}

/**
 * An attribute, or the part of its text that stands where the `*` of `like` is.
 *
 * `{ from: "attribute", key: "traceloop.entity.name", for: ["tool"] }`,
 * `{ from: "attribute", key: "tool.name", like: "handoff_to_*" }`
 */
export interface AttributeSource extends SourceOptions {
  readonly from: "attribute";
  readonly key: string;
  readonly like?: Pattern;
}

/**
 * The first item of a list, of a list written as JSON (`'["stop"]'`) or of a list with commas (`"stop, length"`).
 *
 * `{ from: "first", key: "gen_ai.response.finish_reasons" }`
 */
export interface FirstSource extends SourceOptions {
  readonly from: "first";
  readonly key: string;
}

/**
 * A value inside an object, or inside an object written as JSON.
 *
 * `{ from: "json", key: "genkit:output", path: "usage.inputTokens" }`
 */
export interface JsonSource extends SourceOptions {
  readonly from: "json";
  readonly key: string;
  readonly path: string;
}

/**
 * The part of the span's name that stands where the `*` is, if given only up to the text `before` (and nothing if
 * that is missing). Read only from the table that claimed the span, and after all attributes.
 *
 * `{ from: "name", like: "execute_tool *" }`, `{ from: "name", like: "tool: '*", before: "'" }`
 */
export interface NameSource extends SourceOptions {
  readonly from: "name";
  readonly like: Pattern;
  readonly before?: string;
}

/** An attribute in seconds, for a field in milliseconds: `{ from: "seconds", key: "gen_ai.response.time_to_first_chunk" }` */
export interface SecondsSource extends SourceOptions {
  readonly from: "seconds";
  readonly key: string;
}

/**
 * An attribute with a date, for a field in milliseconds since the start of the span.
 *
 * `{ from: "date", key: "mastra.completion_start_time" }`
 */
export interface DateSource extends SourceOptions {
  readonly from: "date";
  readonly key: string;
}

/** Whether an attribute has this value, a number or boolean as it is written: `{ from: "equals", key: "gen_ai.guardrail.status", value: "FAILED" }` */
export interface EqualsSource extends SourceOptions {
  readonly from: "equals";
  readonly key: string;
  readonly value: string;
}

/**
 * Always the same; read only from the table that claimed the span.
 *
 * `{ from: "constant", value: true, where: { scope: "@traceloop/instrumentation-mcp" } }`
 */
export interface ConstantSource extends SourceOptions {
  readonly from: "constant";
  readonly value: string | number | boolean;
}

/** How a family means its token counts. */
export interface TokenRules {
  /** Operations whose spans report tokens that count; default `model`, `embedding` and `invocation`. */
  readonly operations?: readonly Operation[];
  readonly where?: Where;
  /**
   * The input count leaves cached tokens out, the output count reasoning tokens; they are added, unless input and
   * output already make up the total. Reasoning is added whatever is said here where only with it they make up the total.
   */
  readonly exclusive?: boolean;
  /** What else an exclusive count leaves out, where a table cannot know the names of all parts. */
  readonly parts?: TokenParts;
}

/**
 * Parts of token counts in an object, or in one written as JSON, by their names in it. A name that `fields` read a whole
 * count from is no part.
 *
 * `{ key: "langfuse.observation.usage_details", inputTokens: ["input_*"], outputTokens: ["output_*"] }`
 */
export interface TokenParts {
  readonly key: string;
  readonly inputTokens: readonly Pattern[];
  readonly outputTokens: readonly Pattern[];
}

/**
 * A sign of failure.
 *
 * `{ source: "langfuse.observation.level", is: "ERROR", message: ["langfuse.observation.status_message"] }`
 */
export interface FailureRule {
  readonly source: PlainSource;
  /** Upper and lower case are one; a number or boolean is matched as it is written: `"500"`, `"true"`. */
  readonly is: Pattern;
  readonly message?: readonly PlainSource[];
}

/** Signs that the answer of a model has begun to arrive. */
export interface FirstChunkRules {
  /** Names of span events: `["ai.stream.firstChunk"]`. */
  readonly events?: readonly string[];
  /** Attributes that are set then: `[{ key: "gen_ai.response.id", scope: "@opentelemetry/instrumentation-*" }]`. */
  readonly attributes?: readonly { readonly key: string; readonly scope?: Pattern }[];
}

/** A span that a table recognised. */
export interface Claim {
  readonly convention: Convention;
  readonly operation: ClaimedOperation;
  /** Instrumentation scope of the span. */
  readonly scope: string;
}

/** Turns any value of a content field into the string to publish, or `undefined` to leave it out. */
export type ContentRule = (value: unknown) => string | undefined;

/** Token counts of one span, as far as it tells them. */
export interface Tokens {
  readonly inputTokens?: number;
  readonly outputTokens?: number;
  readonly totalTokens?: number;
  readonly cacheReadTokens?: number;
  readonly cacheWriteTokens?: number;
  readonly reasoningTokens?: number;
}
