import assert from "node:assert/strict";
import type { BusEvent, Outcome } from "spanbus";
import { toolNameOf } from "./tool-name.js";
import type { Watched } from "./watch.js";

/** What a run must have been. */
export interface Expected {
  readonly outcome: Outcome;
  /** Each call of a tool, by name. */
  readonly tools?: Readonly<Record<string, "completed" | "failed">>;
  readonly modelCalls: number;
  readonly inputTokens: number;
  readonly outputTokens: number;
}

const ends = /^agent\.\w+\.(completed|failed)$/;

/** Fails unless the stream of a run tells all of it, once, and as one tree. */
export function check({ events, outcome }: Watched, expected: Expected): void {
  const started = events.filter(({ type }) => type.endsWith(".started"));
  const ended = events.filter(({ type }) => ends.test(type));
  assert.deepEqual(
    events.map((event) => "seq" in event && event.seq),
    events.map((_, index) => index + 1),
    "nothing is missing and nothing comes twice",
  );
  assert.deepEqual(spansOf(ended).sort(), spansOf(started).sort(), "every start has exactly one end");
  checkTree(started);
  checkTools(ended, expected.tools ?? {});
  checkTotals(events, expected);
  assert.equal(outcome, expected.outcome, "how the stream ended");
}

/** One root, and every other span below one that had started before. */
function checkTree(started: readonly BusEvent[]): void {
  const known = new Set<string | undefined>();
  const roots: string[] = [];
  for (const { type, spanId, parentSpanId } of started) {
    if (!known.has(parentSpanId)) roots.push(type);
    known.add(spanId);
  }
  assert.equal(roots.length, 1, `one root, not ${roots.join(", ")}`);
}

function checkTools(ended: readonly BusEvent[], expected: NonNullable<Expected["tools"]>): void {
  const calls = ended.filter(({ type }) => type.startsWith("agent.tool."));
  const phases = calls.map((event) => [toolNameOf(event), event.type.slice("agent.tool.".length)]);
  assert.deepEqual(phases.sort(), Object.entries(expected).sort(), "tools");
}

/** What the model reported is what the stream says, call by call and at the end. */
function checkTotals(events: readonly BusEvent[], expected: Expected): void {
  const { inputTokens, outputTokens, modelCalls, tools = {} } = expected;
  const used = events.filter((event) => event.type === "agent.tokens.used").map(({ data }) => data);
  assert.equal(sum(used.map((data) => data.inputTokens)), inputTokens, "input tokens");
  assert.equal(sum(used.map((data) => data.outputTokens)), outputTokens, "output tokens");
  const terminates = events.filter((event) => event.type === "agent.terminate");
  const [{ seq, data } = assert.fail("agent.terminate")] = terminates;
  assert.equal(terminates.length, 1, "agent.terminate comes once");
  assert.deepEqual(events.slice(seq).filter(isNoEnd), [], "behind it only ends: of an abort, the agent may hear first");
  assert.deepEqual(
    [data.modelCalls, data.toolCalls, data.failedToolCalls, data.inputTokens ?? 0, data.outputTokens ?? 0],
    [
      modelCalls,
      Object.keys(tools).length,
      Object.values(tools).filter((phase) => phase === "failed").length,
      inputTokens,
      outputTokens,
    ],
    "totals of agent.terminate",
  );
  assert.equal(data.reason, expected.outcome, "reason of agent.terminate");
}

function isNoEnd({ type }: BusEvent): boolean {
  return !ends.test(type);
}

function spansOf(events: readonly BusEvent[]): string[] {
  return events.map(({ type, spanId }) => `${type.replace(/\.\w+$/, "")} ${spanId}`);
}

function sum(counts: readonly (number | undefined)[]): number {
  return counts.reduce<number>((total, count) => total + (count ?? 0), 0);
}
