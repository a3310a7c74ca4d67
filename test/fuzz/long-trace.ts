import { ROOT_CONTEXT, type Span, trace } from "@opentelemetry/api";
import type { Dice } from "../dice.js";
import type { Sdk } from "./application.js";

/** What a trace adds up to, counted while it was made. */
export interface Sum {
  readonly traceId: string;
  readonly spans: number;
  modelCalls: number;
  toolCalls: number;
  tokens: number;
}

interface Open {
  readonly span: Span;
  readonly operation: string;
  readonly above: Open | undefined;
  /** Tokens of the model calls below it, which agents and wrappers report once more. */
  below: number;
  /** A call below it does its work. */
  wraps: boolean;
}

/**
 * One trace as real ones are: agents call models and tools, tools call agents, a model call is wrapped by a second
 * instrumentation, HTTP spans are everywhere, and everything that is around others reports their sum.
 */
export function makeLongTrace(dice: Dice, sdk: Sdk, spans: number): Sum {
  const open: Open[] = [];
  let names = 0;
  const begin = (operation: string): Open => {
    const above = open.at(-1);
    const under = above ? trace.setSpan(ROOT_CONTEXT, above.span) : ROOT_CONTEXT;
    const attributes = operation === "http" ? {} : { "gen_ai.operation.name": operation };
    // Tools of one name in each other would be one call, told by two instrumentations.
    names += 1;
    const span = sdk.tracer("app").startSpan(`${operation} ${names}`, { attributes }, under);
    const each: Open = { span, operation, above, below: 0, wraps: false };
    open.push(each);
    return each;
  };
  const root = begin("invoke_agent");
  const sum: Sum = { traceId: root.span.spanContext().traceId, spans, modelCalls: 0, toolCalls: 0, tokens: 0 };
  const end = (): void => {
    const each = open.pop();
    if (!each) return;
    const { span, operation, above } = each;
    const isLeaf = operation === "chat" && each.below === 0;
    const used = isLeaf ? dice.from(1, 1000) : each.below;
    if (isLeaf) sum.tokens += used;
    if (operation === "chat" || operation === "invoke_agent") {
      span.setAttribute("gen_ai.usage.input_tokens", used);
      span.setAttribute("gen_ai.usage.output_tokens", used);
    }
    if (above) above.below += used;
    if (dice.chance(0.1)) span.setStatus({ code: 2, message: "broken" });
    span.end();
  };
  for (let made = 1; made < spans; made += 1) {
    while (open.length > 1 && (open.length > 12 || dice.chance(0.4))) end();
    const around = open.findLast(({ operation }) => operation !== "http")?.operation;
    const operations = around === "chat" ? ["chat", "http"] : ["chat", "execute_tool", "invoke_agent", "http"];
    const operation = dice.pick(operations);
    begin(operation);
    if (operation === "execute_tool") sum.toolCalls += 1;
    // The outer one of two is the wrapper: the first call below it does its work.
    if (operation === "chat" && !isFirstBelowModel(open)) sum.modelCalls += 1;
  }
  while (open.length > 0) end();
  return sum;
}

/** Whether the newest span is the first model call below another, with nothing but HTTP between. */
function isFirstBelowModel(open: readonly Open[]): boolean {
  let each = open.at(-1)?.above;
  while (each?.operation === "http") each = each.above;
  if (each?.operation !== "chat") return false;
  const first = !each.wraps;
  each.wraps = true;
  return first;
}
