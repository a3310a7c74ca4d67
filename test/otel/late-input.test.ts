import { describe, expect, it } from "vitest";
import { Service } from "./support.js";

const messages = JSON.stringify([{ role: "user", content: "hello" }]);

describe("what went into a span", () => {
  it("is told at its start when it is known there, and not again at its end", () => {
    const service = new Service({ content: "full" });
    const model = service.model({ attributes: { "gen_ai.input.messages": messages } });
    model.end();
    expect(service.event(model, "agent.model.started").data.input).toBe(messages);
    expect(service.event(model, "agent.model.completed").data).not.toHaveProperty("input");
  });

  it("is told at its end when it was set in between", async () => {
    const service = new Service({ content: "full" });
    const model = service.model();
    await Promise.resolve();
    model.setAttribute("gen_ai.input.messages", messages);
    model.end();
    expect(service.event(model, "agent.model.started").data).not.toHaveProperty("input");
    expect(service.event(model, "agent.model.completed").data.input).toBe(messages);
  });
});
