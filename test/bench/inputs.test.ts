import { BasicTracerProvider } from "@opentelemetry/sdk-trace-base";
import { EventBus } from "spanbus";
import { describe, expect, it } from "vitest";
import { expectNumbers } from "../../bench/inputs/notes.js";
import { agentTrace, plainTrace, play, SPANS, type TraceInput } from "../../bench/inputs/spans.js";

function eventsOf(input: TraceInput, spans: number) {
  const bus = new EventBus();
  const provider = new BasicTracerProvider({ spanProcessors: [bus] });
  play(provider.getTracer(input.scope), input, spans);
  return bus.runs().flatMap(({ runId }) => bus.history(runId));
}

describe("what the benchmarks play", () => {
  it("becomes two events for each span of an agent, and how the agent ended", () => {
    expect(eventsOf(agentTrace, 3).map(({ type, data }) => [type, data])).toEqual([
      [
        "agent.invocation.started",
        { agentName: "weather-agent", model: "gpt-5-mini", provider: "openai", input: expect.any(String) },
      ],
      ["agent.tool.started", expect.objectContaining({ toolName: "get_weather", toolCallId: "call_1" })],
      ["agent.tool.completed", expect.objectContaining({ result: '{"city":"Paris","day":1,"degrees":21}' })],
      ["agent.tool.started", expect.objectContaining({ arguments: '{"city":"Paris","day":2}' })],
      ["agent.tool.completed", expect.objectContaining({ toolCallId: "call_2" })],
      ["agent.invocation.completed", expect.objectContaining({ agentName: "weather-agent" })],
      ["agent.terminate", expect.objectContaining({ reason: "completed", toolCalls: 2 })],
    ]);
  });

  it("is so many spans", () => {
    expect(eventsOf(agentTrace, SPANS)).toHaveLength(2 * SPANS + 1);
  });

  it("is nothing to the bus where the spans are no agent's", () => {
    expect(eventsOf(plainTrace, SPANS)).toEqual([]);
  });

  it("tells what is missing, doubled or out of order", () => {
    expectNumbers([4, 5, 6], 4, 3);
    expect(() => expectNumbers([4, 6], 4, 3)).toThrow("2 events instead of 3");
    expect(() => expectNumbers([4, 5, 5], 4, 3)).toThrow("event 5 instead of 6");
    expect(() => expectNumbers([5, 4, 6], 4, 3)).toThrow("event 5 instead of 4");
  });
});
