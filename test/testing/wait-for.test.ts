import { EventBus } from "spanbus";
import { waitFor } from "spanbus/testing";
import { describe, expect, expectTypeOf, it } from "vitest";

const bus = new EventBus();
function say(runId: string, ...types: string[]): void {
  for (const type of types) bus.publish({ runId, type });
}

describe("waitFor", () => {
  it("gives the next event of a type, and the subscription goes on behind it", async () => {
    const events = bus.subscribe("a");
    const waiting = waitFor(events, "agent.tool.started");
    say("a", "note", "agent.tool.started", "other");
    const event = await waiting;
    expectTypeOf(event.data.toolName).toEqualTypeOf<string>();
    expect(event).toMatchObject({ seq: 2, type: "agent.tool.started" });
    expect((await events.next()).value).toMatchObject({ type: "other" });
    events.close();
  });

  it("finds what came before, and takes a prefix", async () => {
    say("b", "note", "order.placed", "order.paid");
    const events = bus.subscribe("b");
    expect(await waitFor(events, "order.*")).toMatchObject({ type: "order.placed" });
    expect(await waitFor(events, "order.*")).toMatchObject({ type: "order.paid" });
    events.close();
  });

  it("says what came instead when the time is over, and closes the subscription", async () => {
    say("c", "note", "tick", "tick");
    const events = bus.subscribe("c");
    await expect(waitFor(events, "order.paid", { timeoutMillis: 20 })).rejects.toThrow(
      new Error("no `order.paid` came within 20 ms, but these:\n  note\n  tick (2 times)"),
    );
    expect(await events.ended).toEqual({ reason: "returned" });
  });

  it("says how the run ended where that came first", async () => {
    say("d", "note");
    bus.closeStream("d", "cancelled");
    await expect(waitFor(bus.subscribe("d"), "order.paid")).rejects.toThrow(
      new Error("no `order.paid` came before the subscription ended (closed, the run cancelled), but these:\n  note"),
    );
  });

  it("gives up at the abort of its signal, also one that was aborted before", async () => {
    const bus = new EventBus();
    const controller = new AbortController();
    const waiting = waitFor(bus.subscribe("e"), "note", { signal: controller.signal });
    controller.abort();
    const message = "no `note` came before the wait was aborted, and nothing else";
    await expect(waiting).rejects.toThrow(new Error(message));
    await expect(waitFor(bus.subscribe("e"), "note", { signal: controller.signal })).rejects.toThrow(
      new Error(message),
    );
    expect(bus.stats().runSubscribers).toBe(0);
  });

  it.each([
    [() => waitFor({} as never, "note"), "`subscription` must be a subscription, got [object Object]"],
    [() => waitFor(bus.subscribe("f"), 7 as never), "`type` must be the type of an event, got 7"],
    [
      () => waitFor(bus.subscribe("f"), "note", { timeoutMillis: -1 }),
      "`timeoutMillis` must be a positive integer, got -1",
    ],
  ])("tells a mistake: %#", async (call, message) => {
    await expect(call()).rejects.toThrow(message);
  });
});
