import type { Span } from "@opentelemetry/api";
import { describe, expect, it } from "vitest";
import { dataOf } from "../bus/support.js";
import { Dice } from "../dice.js";
import { Running, spanIdOf } from "./support.js";

type Kind = "agent" | "model" | "tool" | "plain";

/** A span as the application knows it. */
interface Made {
  readonly kind: Kind;
  readonly span: Span;
  readonly parent: Made | undefined;
}

/** What an application did in random order, each span inside its parent, while a bus was attached at some time. */
function programOf(seed: number): { service: Running; all: readonly Made[] } {
  const dice = new Dice(seed);
  const service = new Running();
  const all: Made[] = [];
  const open = new Set<Made>();
  const attachAt = dice.from(1, 12);
  const start = (): void => {
    const parent = open.size > 0 ? dice.pick([...open]) : undefined;
    const kind = dice.pick<Kind>(["agent", "agent", "model", "model", "tool", "plain"]);
    const making = { under: parent?.span, root: parent === undefined };
    const span = kind === "model" ? service.model(making) : service[kind](kind, making);
    const made = { kind, span, parent };
    all.push(made);
    open.add(made);
  };
  const end = (made: Made): void => {
    open.delete(made);
    if (made.kind === "model" || (made.kind === "agent" && dice.chance(0.5)))
      made.span.setAttributes({ "gen_ai.usage.input_tokens": 5, "gen_ai.usage.output_tokens": 1 });
    made.span.end();
  };
  const innermost = (): Made[] => [...open].filter((made) => ![...open].some(({ parent }) => parent === made));
  for (let step = 1; step <= 30; step += 1) {
    if (step === attachAt) service.attach();
    if (open.size < 2 || dice.chance(0.6)) start();
    else end(dice.pick(innermost()));
    // Whoever asks the bus has the span that it holds classified.
    if (dice.chance(0.5)) service.bus.stats();
  }
  for (let rest = innermost(); rest.length > 0; rest = innermost()) end(dice.pick(rest));
  return { service, all };
}

/** What is around a span, the innermost first. */
function aroundOf(made: Made): Made[] {
  return made.parent ? [made.parent, ...aroundOf(made.parent)] : [];
}

/** Whether the outer one would tell the same tokens as one in it: that does its work, and no tool or agent is between. */
function tellsTheSame(outer: Made, inner: Made): boolean {
  const around = aroundOf(inner);
  const between = around.slice(0, around.indexOf(outer)).map(({ kind }) => kind);
  if (outer.kind === "agent") return inner.kind === "model" || !between.includes("tool");
  return inner.kind === "model" && !between.includes("tool") && !between.includes("agent");
}

/** What is wrong in what the bus told. */
function faultsOf(seed: number): string[] {
  const { service, all } = programOf(seed);
  const events = service.bus.runs().flatMap(({ runId }) => service.history(runId));
  const bySpan = new Map(all.map((made) => [spanIdOf(made.span), made]));
  const madeOf = (spanId = ""): Made | undefined => bySpan.get(spanId);
  const told = (type: RegExp): Made[] =>
    events.filter((event) => type.test(event.type)).flatMap(({ spanId }) => madeOf(spanId) ?? []);
  const faults: string[] = [];
  const telling = new Set(told(/tokens\.used$/));
  for (const inner of telling) {
    const again = aroundOf(inner).find((outer) => telling.has(outer) && tellsTheSame(outer, inner));
    if (again) faults.push(`${again.kind} told again what ${inner.kind} in it had told`);
  }
  for (const event of events) {
    const [made, parent] = [madeOf(event.spanId), madeOf(event.parentSpanId)];
    if (made && parent && aroundOf(parent).includes(made)) faults.push(`${made.kind} is told below what it had in it`);
  }
  const [starts, ends] = [told(/\.started$/), told(/\.(completed|failed)$/)];
  if (new Set(starts).size < starts.length || new Set(ends).size < ends.length) faults.push("started or ended twice");
  if (new Set([...starts, ...ends]).size !== starts.length || starts.length !== ends.length)
    faults.push("a start without an end, or an end without a start");
  const run = service.bus.runs().find(({ runId }) => runId === all[0]?.span.spanContext().traceId);
  for (const event of events.filter(({ type }) => type === "agent.terminate")) {
    for (const name of ["modelCalls", "toolCalls", "inputTokens"] as const) {
      const sum = Number(dataOf(event)[name] ?? 0);
      if (sum < 0 || sum > (run?.[name] ?? 0)) faults.push(`an agent adds up to ${sum} ${name} of ${run?.[name]}`);
    }
  }
  const whole = events.find(({ type, spanId }) => type === "agent.terminate" && madeOf(spanId) === all[0]);
  for (const name of ["modelCalls", "toolCalls", "inputTokens"] as const)
    if (whole && Number(dataOf(whole)[name] ?? 0) !== run?.[name])
      faults.push(`the root adds up to ${dataOf(whole)[name]} ${name} of ${run?.[name]}`);
  const { openSpans, errors } = service.bus.stats();
  if (openSpans + errors > 0) faults.push(`${openSpans} open spans, ${errors} errors`);
  return faults.map((fault) => `program ${seed}: ${fault}`);
}

describe("a bus attached while spans are open that end inside each other", () => {
  it("tells tokens once, no span below what it had in it, and has the totals of an agent that it never saw begin", () => {
    const seeds = Array.from({ length: 600 }, (_, index) => index + 1);
    expect(seeds.flatMap(faultsOf)).toEqual([]);
  });
});
