import { type BusEvent, EventBus, type EventDraft } from "spanbus";
import { describe, expect, it } from "vitest";
import { isDeeplyFrozen } from "../bus/support.js";
import { fail, Service, withContextManager, withFakeTime } from "./support.js";

withContextManager();
withFakeTime();

const input = "gen_ai.input.messages";
const output = "gen_ai.output.messages";

/** An agent whose tool fails, with attributes carried. */
function played(): { readonly service: Service; readonly events: readonly BusEvent[] } {
  const service = new Service({ attributes: ["user.id", "tags"] });
  const agent = service.agent("a", {
    attributes: { "user.id": "u1", tags: ["x", "y"], [input]: "a question of some length" },
  });
  fail(service.tool("t", { under: agent }));
  service.model({ under: agent, attributes: { "gen_ai.usage.input_tokens": 3 } }).end();
  agent.end();
  return { service, events: service.history(agent) };
}

describe("what a span says", () => {
  it("is deeply frozen", () => {
    const { events } = played();
    expect(events.filter((event) => !isDeeplyFrozen(event))).toEqual([]);
    expect(events.filter(({ data }) => "error" in data)).toHaveLength(1);
  });

  it("counts for as much as the same that is published by hand", () => {
    const { service, events } = played();
    const bus = new EventBus();
    for (const { runId, type, time, traceId, spanId, parentSpanId, data, attributes } of events) {
      bus.publish({ runId, type, time, traceId, spanId, parentSpanId, data, attributes });
    }
    expect(bus.stats().historyEvents).toBe(events.length);
    expect(service.bus.stats().historyBytes).toBe(bus.stats().historyBytes);
  });

  it("is cut at 8192 characters, and says so", () => {
    const service = new Service({ content: "full" });
    const said = (text: string): unknown =>
      service.history(service.agent("a", { attributes: { [input]: text } }))[0]?.data;
    const text = "x".repeat(8192);
    expect(said(text)).toEqual({ agentName: "a", input: text });
    expect(said(`${text}x`)).toEqual({ agentName: "a", input: text, truncated: true });
  });

  it.each<[string, ((draft: EventDraft) => EventDraft) | undefined]>([
    ["", undefined],
    [", also where `redact` saw it", (draft) => draft],
  ])("has its duration, its error and its names however much was said%s", (_, redact) => {
    const service = new Service({ content: "full", ...(redact && { redact }) });
    const agent = service.agent("a");
    const text = "\u0001".repeat(8192);
    // Its start is told by now: all of this is for its end.
    service.bus.stats();
    agent.setAttributes({ [input]: text, [output]: text });
    agent.setStatus({ code: 2, message: "m".repeat(500) });
    agent.end();
    const event = service.event(agent, "agent.invocation.failed");
    expect(event.data).toMatchObject({
      ...{ agentName: "a", durationMillis: expect.any(Number), truncated: true },
      error: { message: "m".repeat(500) },
    });
    const size = JSON.stringify(event).length;
    expect(size).toBeLessThanOrEqual(32 * 1024);
    expect(size, "and the room is used").toBeGreaterThan(32 * 1024 - 1500);
    const names = ["agentName", "durationMillis", "error", "truncated"];
    expect(Object.keys(event.data).sort(), "what came first has it").toEqual([...names, "input"].sort());
    expect(isDeeplyFrozen(event)).toBe(true);
  });

  it("is not what `redact` returned, but a copy of it", () => {
    const data = { n: 1, list: [1] };
    const service = new Service({ redact: (draft) => ({ ...draft, data }) });
    const agent = service.agent("a");
    const [event] = service.history(agent);
    data.n = 2;
    data.list.push(2);
    expect(event?.data).toEqual({ n: 1, list: [1] });
    expect(isDeeplyFrozen(event)).toBe(true);
    expect([Object.isFrozen(data), Object.isFrozen(data.list)]).toEqual([false, false]);
  });

  it("stays as it is for what comes of the span later, whatever `redact` takes out", () => {
    const service = new Service({
      redact: (draft) => {
        if (draft.type === "agent.model.completed") delete draft.data["provider"];
        return draft;
      },
    });
    const model = service.model({
      attributes: { "gen_ai.provider.name": "openai", "gen_ai.usage.input_tokens": 3 },
    });
    model.end();
    expect(service.event(model, "agent.model.completed").data).not.toHaveProperty("provider");
    expect(service.event(model, "agent.tokens.used").data.provider).toBe("openai");
  });
});
