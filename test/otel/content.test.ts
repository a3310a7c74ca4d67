import type { AnyValue } from "@opentelemetry/api-logs";
import { type BusEvent, type ContentLevel, EventBus, runContext } from "spanbus";
import { describe, expect, it } from "vitest";
import { Service, withContextManager, withFakeTime } from "./support.js";

withContextManager();
withFakeTime();

const long = "word ".repeat(400);

/** Every kind of content once, on spans, span events and log events. */
function everything(level?: ContentLevel, text = long): { service: Service; events: readonly BusEvent[] } {
  const service = new Service({ ...(level && { content: level }) });
  runContext("r", () => {
    const agent = service.agent("a", { attributes: { "gen_ai.input.messages": text } });
    const tool = service.tool("t", { under: agent, attributes: { "gen_ai.tool.call.arguments": text } });
    tool.setAttribute("gen_ai.tool.call.result", text);
    tool.end();
    agent.addEvent("gen_ai.user.message", { content: text, role: "user" });
    service.log("gen_ai.assistant.message", {
      on: agent,
      body: text,
      attributes: { content: text, role: "assistant" },
    });
    agent.setAttribute("gen_ai.output.messages", text);
    agent.end();
  });
  return { service, events: service.history("r") };
}

describe("content", () => {
  it('"none" is in no event, whatever the way it came', () => {
    const { events } = everything("none", "the secret");
    expect(events.length).toBeGreaterThan(6);
    expect(JSON.stringify(events)).not.toContain("secret");
    expect(events.find(({ type }) => (type as string) === "gen_ai.user.message")?.data).toEqual({ role: "user" });
  });

  it('"preview" is the default and is cut at 240 characters', () => {
    const { service } = everything();
    const preview = long.slice(0, 240).length;
    expect(service.event("r", "agent.invocation.started").data.input).toHaveLength(preview);
    expect(service.event("r", "agent.tool.started").data.arguments).toHaveLength(preview);
    expect(service.event("r", "agent.tool.completed").data.result).toHaveLength(preview);
    expect(service.event("r", "agent.invocation.completed").data.output).toHaveLength(preview);
    const log = service.event("r", "gen_ai.assistant.message" as never) as { data: Record<string, string> };
    expect(log.data["body"]).toHaveLength(preview);
    expect(log.data["content"]).toHaveLength(preview);
  });

  it('"full" is whole', () => {
    const { service } = everything("full");
    expect(service.event("r", "agent.invocation.started").data.input).toBe(long);
    expect(service.event("r", "agent.tool.completed").data.result).toBe(long);
  });

  describe.each(["span event", "log event"])("in a %s with a name of the catalogue", (way) => {
    const told = (content: ContentLevel, name: string, attributes: Record<string, string | number>) => {
      const service = new Service({ content, transient: [] });
      const model = service.model();
      service.bus.stats();
      if (way === "span event") model.addEvent(name, attributes);
      else service.log(name, { on: model, attributes });
      model.end();
      return service.history(model).find(({ type }) => type === name)?.data;
    };
    const tool = { toolName: "t", arguments: long, result: long, step: 1, from: long };

    it("is what the catalogue calls content", () => {
      const preview = long.slice(0, 240);
      const { toolName, step, from } = tool;
      expect(told("none", "agent.tool.completed", tool)).toEqual({ toolName, step, from });
      expect(told("preview", "agent.tool.completed", tool)).toEqual({ ...tool, arguments: preview, result: preview });
      expect(told("full", "agent.tool.completed", tool)).toEqual(tool);
      expect(told("none", "agent.invocation.started", { input: long, output: 7 })).toEqual({});
      expect(told("full", "agent.invocation.started", { input: long, output: 7 })).toEqual({
        input: long,
        output: "7",
      });
    });

    it("is the text of a chunk, also before it is joined", () => {
      expect(told("none", "agent.model.chunk", { text: long })).toEqual({ chunks: 1 });
      expect(told("preview", "agent.model.chunk", { text: long })).toEqual({ text: long.slice(0, 240), chunks: 1 });
      expect(told("full", "agent.model.chunk", { text: long })).toEqual({ text: long, chunks: 1 });
    });

    it("is nothing of that under a name of the application", () => {
      const own = { text: long, arguments: long };
      expect(told("none", "agent.note", own)).toEqual(own);
    });
  });

  it("is the application's own in what it publishes itself", () => {
    const service = new Service({ content: "none" });
    service.bus.publish({ runId: "r", type: "agent.tool.started", data: { toolName: "t", arguments: long } });
    runContext("r", () => service.bus.emit("agent.invocation.started", { input: long }));
    expect(service.event("r", "agent.tool.started").data.arguments).toBe(long);
    expect(service.event("r", "agent.invocation.started").data.input).toBe(long);
  });

  it.each<[string, AnyValue, string]>([
    ["bytes", new Uint8Array([1, 2, 255]), "AQL/"],
    ["a Buffer", Buffer.from([1, 2, 255]), "AQL/"],
    ["an object with bytes", { image: new Uint8Array([1, 2, 255]) }, '{"image":"AQL/"}'],
    ["an object with a Buffer", { images: [Buffer.from([1, 2, 255])] }, '{"images":["AQL/"]}'],
  ])("has base64 where the log body is %s", (_what, body, expected) => {
    const service = new Service({ content: "full" });
    runContext("r", () => service.logs.getLogger("app").emit({ eventName: "gen_ai.note", body }));
    expect(service.history("r")[0]?.data).toEqual({ body: expected });
  });

  it("is always a string, also where the log body is an object", () => {
    const service = new Service({ content: "full" });
    runContext("r", () =>
      service.logs.getLogger("app").emit({ eventName: "gen_ai.note", body: { text: "hi", parts: [1, 2] } }),
    );
    expect(service.history("r")[0]?.data).toEqual({ body: '{"text":"hi","parts":[1,2]}' });
  });

  it("is cut at maxPreviewLength", () => {
    const service = new Service({ maxPreviewLength: 5 });
    const agent = service.agent("a", { attributes: { "gen_ai.input.messages": "abcdefgh" } });
    const { input = "" } = service.event(agent, "agent.invocation.started").data;
    expect(input.startsWith("abcd")).toBe(true);
    expect(input.length).toBeLessThanOrEqual(5);
  });

  it("is not in the error", () => {
    const service = new Service({ content: "none" });
    const agent = service.agent("a", { attributes: { "gen_ai.input.messages": "the secret" } });
    agent.recordException(new Error("broken"));
    agent.end();
    expect(JSON.stringify(service.history(agent))).not.toContain("secret");
  });

  it.each([0, -1, 1.5, Number.NaN])("cannot have previews of %d characters", (maxPreviewLength) => {
    expect(() => new EventBus({ maxPreviewLength })).toThrow(RangeError);
  });
});
