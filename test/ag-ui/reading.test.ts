import { EventBus } from "spanbus";
import { type AgUiEvent, type AgUiSource, toAgUi } from "spanbus/ag-ui";
import { describe, expect, it } from "vitest";
import { stream } from "./support.js";

const chunk = (spanId: string) => ({ runId: "run", type: "agent.model.chunk", spanId, data: { text: "a" } });

describe("leaving early releases the subscription", () => {
  it.each<[string, (events: ReturnType<typeof toAgUi>) => Promise<unknown>]>([
    [
      "by break",
      async (events) => {
        for await (const _ of events) break;
      },
    ],
    ["by return()", (events) => events.return?.() ?? expect.fail()],
    [
      "by await using",
      async (events) => {
        await using held = events;
        await held.next();
      },
    ],
    [
      "by cancelling a stream that waits for more",
      async (events) => {
        const reader = ReadableStream.from(events).getReader();
        await reader.read();
        await reader.read();
        const waiting = reader.read();
        await reader.cancel();
        expect((await waiting).done).toBe(true);
      },
    ],
  ])("%s", async (_, leave) => {
    const bus = new EventBus();
    const subscription = bus.subscribe("run");
    bus.publish({ runId: "run", type: "note" });
    const events = toAgUi(subscription);
    await leave(events);
    expect(await subscription.ended).toEqual({ reason: "returned" });
    expect(bus.stats().runSubscribers).toBe(0);
    expect(await events.next()).toEqual({ done: true, value: undefined });
  });

  it("also while a read waits, which ends without a word", async () => {
    const bus = new EventBus();
    const events = toAgUi(bus.subscribe("run"));
    const waiting = events.next();
    await events.return?.();
    expect(await waiting).toEqual({ done: true, value: undefined });
    expect(bus.stats().runSubscribers).toBe(0);
  });
});

describe("reading", () => {
  it("is attached at the call: nothing is missed before the first read", async () => {
    const bus = new EventBus();
    const events = toAgUi(bus.subscribe("run", { after: "live" }));
    bus.publish({ runId: "run", type: "note" });
    await events.next();
    expect((await events.next()).value).toMatchObject({ type: "CUSTOM", name: "note" });
    await events.return?.();
  });

  it("serves several reads at once in their order", async () => {
    const bus = new EventBus();
    const events = toAgUi(bus.subscribe("run"));
    const reads = [events.next(), events.next(), events.next(), events.next()];
    bus.publish(chunk("m"));
    bus.closeStream("run");
    const types = (await Promise.all(reads)).map(({ value }) => value?.type);
    expect(types).toEqual(["RUN_STARTED", "TEXT_MESSAGE_START", "TEXT_MESSAGE_CONTENT", "TEXT_MESSAGE_END"]);
    await events.return?.();
  });

  it("that throws ends the run for the front end, then throws", async () => {
    const source = stream(
      [{ id: "g.1", seq: 1, runId: "run", time: 1, type: "note" as never, data: {} }],
      new Error("secret"),
    );
    const events: AgUiEvent[] = [];
    await expect(async () => {
      for await (const event of toAgUi(source)) events.push(event);
    }).rejects.toThrow("secret");
    expect(events.map(({ type }) => type)).toEqual(["RUN_STARTED", "CUSTOM", "RUN_ERROR"]);
    expect(JSON.stringify(events)).not.toContain("secret");
    expect(source.closes).toBe(1);
  });

  it("keeps a bounded number of spans whose ends never come", async () => {
    const events = toAgUi(endless(), { runId: "run" });
    let open = 0;
    let most = 0;
    for (let read = 0; read < 60_000; read += 1) {
      const { value } = await events.next();
      if (value?.type === "TOOL_CALL_START") open += 1;
      if (value?.type === "TOOL_CALL_END") open -= 1;
      most = Math.max(most, open);
    }
    expect(most).toBe(10_001);
  });
});

it.each([
  [() => toAgUi(undefined as never), "`subscription` must be a subscription, got undefined"],
  [() => toAgUi({} as never), "`subscription` must be a subscription, got [object Object]"],
  [() => toAgUi(endless(), null as never), "`options` must be an object, got null"],
  [() => toAgUi(endless(), { runId: "" }), '`runId` must be a string that is not empty, got ""'],
  [() => toAgUi(endless(), { threadId: 7 as never }), "`threadId` must be a string that is not empty, got 7"],
  [() => toAgUi(endless(), { subagents: 1 as never }), "`subagents` must be true or false, got 1"],
])("a mistake is told: %#", (call, message) => {
  expect(call).toThrow(new TypeError(message));
});

/** Calls of tools that begin and never end. */
function endless(): AgUiSource {
  let seq = 0;
  return {
    ended: new Promise(() => {}),
    close: () => {},
    next: async () => {
      seq += 1;
      const value = {
        id: `g.${seq}`,
        seq,
        runId: "run",
        time: seq,
        spanId: `s${seq}`,
        type: "agent.tool.started" as const,
        data: { toolName: "x" },
      };
      return { done: false, value };
    },
  };
}
