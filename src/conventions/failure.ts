import type { Claim, Convention, EndedSpanView, FailureRule } from "./convention.js";
import { Facts, isObject, text, written } from "./facts.js";
import { TextPattern } from "./pattern.js";
import { attempt, isAbout, type Reader, reader } from "./sources.js";

/** What went wrong. */
export interface Failure {
  readonly type: string;
  readonly message: string;
}

interface Sign {
  readonly seen: Reader;
  readonly is: TextPattern;
  readonly message: readonly Reader[];
}

const errorStatus = 2;
const maxMessageLength = 500;

/** Values of `error.type` that say no more than that there was an error. */
const vague: readonly (string | undefined)[] = ["unknown", "_OTHER"];

/**
 * What an abort says of itself where its name is lost: `fetch`, Node, the client of OpenAI, LangGraph, Mastra; some put
 * the names of other errors in front.
 */
const aborted = /^Abort(ed)?$|^(.*: )?(AbortError|(Request|The operation|This operation) was aborted\.?)$/;

/** What messages quote of a text or value that could not be read, which is content: V8, the AI SDK, LangChain. */
const quotes: readonly RegExp[] = [
  /(?<=Unexpected token .{1,4}, ).*(?= is not valid JSON)/s,
  /(?<=(JSON parsing failed: |Failed to parse\. )Text: ).+/s,
  /(?<=Type validation failed.*: Value: ).+/s,
];

/** Whether somebody aborted what this is the error of. */
export function isAbort(type: string, message: string): boolean {
  return type === "AbortError" || aborted.test(message);
}

/** Decides whether a span failed: instrumentations do not agree on how to say it. */
export class FailureSigns {
  readonly #signs: readonly Sign[];

  constructor(conventions: readonly Convention[]) {
    this.#signs = conventions.flatMap((table) => (table.failures ?? []).map((rule) => sign(rule, table)));
  }

  /** Any sign is enough: one instrumentation leaves the status unset, another sets it to OK before the exception. */
  find(span: EndedSpanView, claim: Claim | undefined): Failure | undefined {
    const facts = new Facts(span);
    const status = object(span.status);
    const exception = object(span.exception);
    const named = text(facts.attribute("error.type"));
    const seen = claim && this.#seen(facts, claim);
    const failed = status?.code === errorStatus || exception !== undefined || named !== undefined || seen !== undefined;
    if (!failed) return undefined;

    const thrown = text(exception?.type);
    const clear = vague.includes(named) ? undefined : named;
    const type = clear ?? thrown ?? named ?? "error";
    const messages = [
      exception?.message,
      facts.attribute("error.message"),
      ...(seen?.message.map((message) => attempt(message, facts, claim?.operation)) ?? []),
      status?.message,
    ];
    const message = firstLine(messages) ?? type;
    return { type: isAbort(type, message) ? "AbortError" : type, message };
  }

  #seen(facts: Facts, claim: Claim): Sign | undefined {
    for (const sign of this.#signs) {
      const { key } = sign.seen;
      // Hardly any span has one: what is not there is passed over first.
      if (key !== undefined && facts.attribute(key) === undefined) continue;
      if (!isAbout(sign.seen, claim)) continue;
      if (sign.is.matches(written(attempt(sign.seen, facts, claim.operation))?.toLowerCase())) return sign;
    }
    return undefined;
  }
}

function sign({ source, is, message = [] }: FailureRule, table: Convention): Sign {
  return {
    seen: reader(source, table),
    is: new TextPattern(is.toLowerCase()),
    message: message.map((m) => reader(m, table)),
  };
}

/** The first line of the first message that has one: some write the whole stack into it. */
function firstLine(messages: readonly unknown[]): string | undefined {
  for (const message of messages) {
    const start = text(message)
      ?.trimStart()
      .slice(0, maxMessageLength + 1);
    // What is quoted may have several lines.
    const line =
      start &&
      withoutQuotes(start)
        .split(/[\r\n]/, 1)[0]
        ?.trimEnd();
    if (line !== undefined && line !== "") return cut(line);
  }
  return undefined;
}

function withoutQuotes(message: string): string {
  return quotes.reduce((rest, quote) => rest.replace(quote, "…"), message);
}

function cut(line: string): string {
  const split = /[\uD800-\uDBFF]/.test(line.charAt(maxMessageLength - 1));
  return line.slice(0, split ? maxMessageLength - 1 : maxMessageLength);
}

function object(value: unknown): Readonly<Record<string, unknown>> | undefined {
  return isObject(value) ? value : undefined;
}
