import { flag, oneOf, optionalFunction, positiveInteger, wrong } from "../bus/checks.js";
import { checkedLimits, type HubOptions } from "../bus/hub-options.js";
import { type Convention, defaultConventions } from "../conventions/index.js";
import type { ContentLevel } from "./content.js";
import type { ContextLike, SpanLike } from "./signals.js";

/**
 * Which spans become events: those of agents, all, or those of agents and what the predicate picks of the rest. Where a span
 * shows only at its end that it is an agent's, it is told as `span.*` first.
 */
export type Include = "agent" | "all" | ((span: SpanLike) => boolean);

/** Raw attributes to carry in `event.attributes`: names, or a predicate. */
export type AttributeChoice = readonly string[] | ((name: string) => boolean);

/** Everything an `EventBus` can be told. Checked once, when it is made. */
export interface EventBusOptions extends HubOptions {
  /** Spans watched at once; beyond it the oldest is given up as `abandoned`. Default 10 000. */
  readonly maxOpenSpans?: number | undefined;
  /** Which spans become events. Default `"agent"`. */
  readonly include?: Include | undefined;
  /** How much of prompts, completions, tool arguments and results, and log bodies an event holds. Default `"preview"`. */
  readonly content?: ContentLevel | undefined;
  /** Characters of a preview. Default 240. */
  readonly maxPreviewLength?: number | undefined;
  /** Raw span attributes to carry in `event.attributes`. Default none. Content among them obeys `content`. */
  readonly attributes?: AttributeChoice | undefined;
  /** Your own run id of a span, asked once when the span is classified; undefined leaves it to the other rules. */
  readonly runId?: ((span: SpanLike, context: ContextLike) => string | undefined) | undefined;
  /** Takes the run id from incoming baggage. Default false: baggage is what any client may send. */
  readonly acceptRemoteRun?: boolean | undefined;
  /** Tables that tell what spans mean, most specific first. Default all that come with spanbus. */
  readonly conventions?: readonly Convention[] | undefined;
  /** How long a run whose root is over waits for spans still open, in milliseconds without an event. Default 10 000. */
  readonly closeGraceMillis?: number | undefined;
}

export interface InletSettings {
  readonly maxOpenSpans: number;
  readonly closeGraceMillis: number;
  readonly maxPreviewLength: number;
  readonly content: ContentLevel;
  readonly include: Include;
  readonly carries: ((name: string) => boolean) | undefined;
  readonly runId: EventBusOptions["runId"];
  readonly acceptRemoteRun: boolean;
  readonly conventions: readonly Convention[];
}

export function inletSettings(given: EventBusOptions): InletSettings {
  const { include = "agent", conventions = defaultConventions } = given;
  if (!Array.isArray(conventions)) throw wrong(TypeError, "conventions", "an array of conventions", conventions);
  return {
    ...checkedLimits<"maxOpenSpans" | "closeGraceMillis">({ maxOpenSpans: 10_000, closeGraceMillis: 10_000 }, given),
    maxPreviewLength: positiveInteger("maxPreviewLength", given.maxPreviewLength ?? 240),
    content: oneOf("content", given.content ?? "preview", ["none", "preview", "full"]),
    include: typeof include === "function" ? include : oneOf("include", include, ["agent", "all"], " or a function"),
    carries: carrier(given.attributes),
    runId: optionalFunction("runId", given.runId),
    acceptRemoteRun: flag("acceptRemoteRun", given.acceptRemoteRun ?? false),
    conventions,
  };
}

function carrier(attributes: AttributeChoice | undefined): ((name: string) => boolean) | undefined {
  if (attributes === undefined) return undefined;
  if (typeof attributes === "function") return attributes;
  if (!Array.isArray(attributes) || attributes.some((name) => typeof name !== "string")) {
    throw wrong(TypeError, "attributes", "an array of attribute names or a function", attributes);
  }
  const names = new Set(attributes);
  return (name) => names.has(name);
}
