import { type EventDraft, runContext } from "spanbus";
import { describe, expect, it } from "vitest";
import { listen, readAll, Service, traceIdOf, withContextManager, withFakeTime } from "./support.js";

withContextManager();
withFakeTime();

const withoutInput = (draft: EventDraft) => {
  delete draft.data["input"];
  return draft;
};
const secret = { attributes: { "gen_ai.input.messages": "the secret" } };

describe("redact", () => {
  it("sees every draft before anybody else does, and what it takes out is nowhere", async () => {
    const service = new Service({ redact: withoutInput });
    const seen: unknown[] = [];
    service.bus.tap((event) => void seen.push(event));
    const global = service.bus.subscribeGlobal();
    const agent = service.agent("a", secret);
    const reader = service.bus.subscribe(traceIdOf(agent));
    agent.end();
    service.bus.closeGlobal();
    seen.push(...(await readAll(reader)), ...(await readAll(global)), ...service.history(agent));
    expect(seen.length).toBeGreaterThan(9);
    expect(JSON.stringify(seen)).not.toContain("secret");
  });

  it("gets what an event has but its id and seq", () => {
    const drafts: EventDraft[] = [];
    const service = new Service({
      attributes: ["user.id"],
      redact: (draft) => {
        drafts.push(draft);
        return draft;
      },
    });
    const agent = service.agent("a", { attributes: { "user.id": "u1" } });
    service.bus.stats();
    expect(drafts).toEqual([
      {
        runId: traceIdOf(agent),
        type: "agent.invocation.started",
        time: expect.any(Number),
        traceId: traceIdOf(agent),
        spanId: agent.spanContext().spanId,
        data: { agentName: "a" },
        attributes: { "user.id": "u1" },
      },
    ]);
  });

  it.each(["agent", "model", "tool", "workflow"] as const)(
    "decides of what runs() shows of the %s: what it takes out, changes or withholds is not there",
    (kind) => {
      const making = { attributes: { "gen_ai.agent.name": "Ann", "gen_ai.conversation.id": "ann@example.com" } };
      const shown = (redact: (draft: EventDraft) => EventDraft | undefined) => {
        const service = new Service({ redact });
        const span = kind === "model" ? service.model(making) : service[kind]("x", making);
        service.bus.publish({ runId: traceIdOf(span), type: "note" });
        const open = service.info(span);
        span.end();
        return JSON.stringify([open, service.info(span)]);
      };
      expect(shown((draft) => draft)).toContain("ann@example.com");
      expect(shown((draft) => (draft.type === "note" ? draft : undefined))).not.toContain("ann@example.com");
      const without = shown(({ data: { conversationId, ...data }, ...draft }) => ({ ...draft, data }));
      expect(without).not.toContain("ann@example.com");
      const changed = shown((draft) => ({ ...draft, data: { ...draft.data, conversationId: "someone" } }));
      expect(changed).not.toContain("ann@example.com");
      expect(changed).toContain("someone");
    },
  );

  it("withholds an event by undefined, which is counted as refused and leaves no hole in seq", () => {
    const service = new Service({
      redact: (draft) => (draft.type === "agent.tool.started" ? undefined : draft),
    });
    const agent = service.agent("a");
    service.tool("t", { under: agent }).end();
    agent.end();
    expect(service.types(agent)).not.toContain("agent.tool.started");
    expect(service.history(agent).map(({ seq }) => seq)).toEqual([1, 2, 3, 4]);
    expect(service.bus.stats().refused).toBe(1);
  });

  it("that throws withholds the event and is counted", () => {
    const service = new Service({
      redact: (draft) => {
        if (draft.type.startsWith("agent.tool.")) throw new Error("cannot");
        return draft;
      },
    });
    const agent = service.agent("a");
    expect(() => service.tool("t", { under: agent }).end()).not.toThrow();
    expect(service.types(agent)).toEqual(["agent.invocation.started"]);
    expect(service.bus.stats().errors).toBe(2);
  });

  it("that returns a promise withholds the event", () => {
    const service = new Service({ redact: (async (draft: EventDraft) => draft) as never });
    const agent = service.agent("a");
    expect(service.types(agent)).toEqual([]);
  });

  it("that withholds everything leaves no run behind", () => {
    const service = new Service({ redact: () => undefined });
    const heard = listen(service.bus);
    service.agent("a").end();
    expect(service.bus.runs()).toEqual([]);
    expect(heard).toEqual([]);
    expect(service.bus.stats()).toMatchObject({ published: 0, activeRuns: 0, retainedRuns: 0, openSpans: 0 });
    expect(service.bus.stats().refused).toBeGreaterThan(0);
  });

  it("that publishes, which is refused, leaves no run behind", () => {
    const service: Service = new Service({
      redact: (draft) => {
        runContext("s", () => expect(service.bus.emit("note")).toBeUndefined());
        return draft;
      },
    });
    service.bus.publish({ runId: "r", type: "note" });
    expect(service.bus.standing("s")).toBeUndefined();
  });

  it("that withholds an emit leaves no run behind", () => {
    const service = new Service({ redact: () => undefined });
    runContext("r", () => expect(service.bus.emit("note")).toBeUndefined());
    expect(service.bus.runs()).toEqual([]);
    expect(service.bus.stats()).toMatchObject({ published: 0, refused: 1, activeRuns: 0 });
  });

  it("sees the joined text of chunks", () => {
    const texts: unknown[] = [];
    const service = new Service({
      redact: (draft) => {
        if (draft.type === "agent.model.chunk") texts.push(draft.data["text"]);
        return draft;
      },
    });
    const model = service.model();
    for (const text of ["a", "b"]) service.log("agent.model.chunk", { on: model, attributes: { text } });
    model.end();
    expect(texts).toEqual(["ab"]);
  });

  it("does not change the counts of the run by what it takes out of a started event", () => {
    const service = new Service({ redact: (draft) => ({ ...draft, data: {} }) });
    const agent = service.agent("a");
    service.tool("t", { under: agent }).end();
    agent.end();
    expect(service.info(agent)).toMatchObject({ toolCalls: 1 });
    expect(service.fate(agent)).toBe("completed");
  });
});
