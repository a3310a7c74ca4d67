import type { Span } from "@opentelemetry/api";
import { describe, expect, it } from "vitest";
import { Service, withContextManager, withFakeTime } from "./support.js";

withContextManager();
withFakeTime();

const attributes = { "user.id": "u1", "gen_ai.input.messages": "x".repeat(1000), "app.region": "eu" };

describe("event.attributes", () => {
  it("is missing by default", () => {
    const service = new Service();
    const agent = service.agent("a", { attributes });
    expect(service.history(agent)[0]).not.toHaveProperty("attributes");
  });

  it("carries the raw attributes that are named, as far as the span has them", () => {
    const service = new Service({ attributes: ["user.id", "missing"] });
    const agent = service.agent("a", { attributes });
    agent.setAttribute("user.id", "u2");
    agent.end();
    expect(service.event(agent, "agent.invocation.started").attributes).toEqual({ "user.id": "u2" });
    expect(service.event(agent, "agent.invocation.completed").attributes).toEqual({ "user.id": "u2" });
  });

  it("carries those that a function picks", () => {
    const service = new Service({ attributes: (name) => name.startsWith("app.") });
    const agent = service.agent("a", { attributes });
    expect(service.history(agent)[0]?.attributes).toEqual({ "app.region": "eu" });
  });

  it("obeys the content option", () => {
    const named = { attributes: ["gen_ai.input.messages", "user.id"] };
    const [none, preview, full] = (["none", "preview", "full"] as const).map((content) => {
      const service = new Service({ ...named, content });
      return service.history(service.agent("a", { attributes }))[0]?.attributes;
    });
    expect(none).toEqual({ "user.id": "u1" });
    expect(String(preview?.["gen_ai.input.messages"])).toHaveLength(240);
    expect(full?.["gen_ai.input.messages"]).toBe(attributes["gen_ai.input.messages"]);
  });

  it("takes `__proto__` for the name that it is, and the span starts and ends like any other", () => {
    const service = new Service({ attributes: () => true });
    const { proxy: unreadable, revoke } = Proxy.revocable({}, {});
    revoke();
    const write = (span: Span, value: unknown): void => {
      const { attributes } = span as unknown as { attributes: object };
      Object.defineProperty(attributes, "__proto__", { value, enumerable: true });
      span.setAttribute("app.region", "eu");
    };
    const agent = service.agent("a");
    write(agent, { polluted: true });
    const tool = service.tool("t", { under: agent });
    write(tool, unreadable);
    tool.end();
    agent.end();
    const carried = service.event(agent, "agent.invocation.started").attributes ?? {};
    expect(Object.keys(carried)).toEqual(expect.arrayContaining(["__proto__", "app.region"]));
    expect(Object.getPrototypeOf(carried)).toBe(Object.prototype);
    expect(service.types(agent)).toEqual([
      "agent.invocation.started",
      "agent.tool.started",
      "agent.tool.completed",
      "agent.invocation.completed",
      "agent.terminate",
    ]);
    expect(service.bus.stats().errors).toBe(0);
  });

  it("is frozen and a copy", () => {
    const service = new Service({ attributes: ["list"] });
    const list = ["a"];
    const agent = service.agent("a", { attributes: { list } });
    const carried = service.history(agent)[0]?.attributes;
    list.push("b");
    expect(carried).toEqual({ list: ["a"] });
    expect(Object.isFrozen(carried)).toBe(true);
    expect(Object.isFrozen(carried?.["list"])).toBe(true);
  });

  it("goes without what a throwing function was asked about, and counts that", () => {
    const service = new Service({
      attributes: (name) => {
        if (name === "user.id") throw new Error("no");
        return name === "app.region";
      },
    });
    const agent = service.agent("a", { attributes });
    expect(service.history(agent)[0]?.attributes).toEqual({ "app.region": "eu" });
    expect(service.bus.stats().errors).toBe(1);
  });
});
