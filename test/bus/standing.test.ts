import { EventBus, runContext } from "spanbus";
import { describe, expect, it } from "vitest";
import { withContextManager } from "../otel/support.js";
import { generationOf, publishNote, publishNotes, range, taken } from "./support.js";

withContextManager();

describe("where a run stands", () => {
  it("is its latest event, and how it ended once it is closed", () => {
    const bus = new EventBus();
    const [, second] = publishNotes(bus, "r", 1, 2);
    const open = { generation: second && generationOf(second), state: "open", lastId: second?.id };
    expect(bus.standing("r")).toEqual(open);
    bus.closeStream("r", "failed");
    expect(bus.standing("r")).toEqual({ ...open, state: "closed", end: { reason: "closed", outcome: "failed" } });
  });

  it("comes with what is kept in one answer", () => {
    const bus = new EventBus();
    const events = publishNotes(bus, "r", 1, 3);
    bus.closeStream("r", "failed");
    const { state, end, generation } = bus.snapshot("r") ?? {};
    expect([state, end, generation]).toEqual([
      "closed",
      { reason: "closed", outcome: "failed" },
      generationOf(taken(events[0])),
    ]);
    expect(bus.snapshot("r")?.events).toEqual(events);
    expect(bus.snapshot("r", { after: events[0]?.id, limit: 1 })?.events).toEqual([events[1]]);
    expect(bus.snapshot("r", { limit: 1 })?.events).toEqual([events[2]]);
    expect(bus.snapshot("unknown")).toBeUndefined();
    expect(() => bus.snapshot("r", { limit: 0 })).toThrow("`limit` must be a positive integer, got 0");
  });

  it("is not known of a run that nobody heard of, and changes nothing", () => {
    const bus = new EventBus();
    expect(bus.standing("r")).toBeUndefined();
    expect(bus.runs()).toEqual([]);
    publishNote(bus, "r", 1);
    bus.dropHistory("r");
    expect(bus.standing("r")).toBeUndefined();
  });

  it("is awaited where only readers are, in the generation its first event will have", () => {
    const bus = new EventBus();
    const reader = bus.subscribe("r");
    const awaited = bus.standing("r");
    expect(awaited).toMatchObject({ state: "awaited", lastId: `${awaited?.generation}.0` });
    expect(generationOf(publishNote(bus, "r", 1))).toBe(awaited?.generation);
    reader.close();
  });

  it("is known of a run that was closed without an event", () => {
    const bus = new EventBus();
    bus.closeStream("r", "cancelled");
    expect(bus.standing("r")).toMatchObject({
      state: "closed",
      end: { outcome: "cancelled" },
      lastId: expect.stringMatching(/\.0$/),
    });
  });

  it("says whether it was closed, or the bus was shut down", async () => {
    const bus = new EventBus();
    publishNote(bus, "closed", 1);
    publishNote(bus, "open", 1);
    bus.closeStream("closed", "completed");
    await bus.shutdown();
    expect(bus.standing("closed")?.end).toEqual({ reason: "closed", outcome: "completed" });
    expect(bus.standing("open")).toMatchObject({ state: "closed", end: { reason: "shutdown" } });
  });

  it("is known when its events are kept no more", () => {
    const bus = new EventBus({ maxRuns: 1 });
    const last = publishNote(bus, "old", 1);
    bus.closeStream("old", "completed");
    publishNote(bus, "new", 1);
    expect(bus.history("old")).toEqual([]);
    expect(bus.standing("old")).toMatchObject({ state: "closed", lastId: last.id, end: { outcome: "completed" } });
  });

  it("is known of the last 1000 generations that a newer one followed", () => {
    const bus = new EventBus();
    const ids = range(1, 1002).map((n) => {
      const { id } = runContext("r", () => publishNote(bus, "r", n));
      bus.closeStream("r", "failed");
      return id;
    });
    const standing = (id = "") => bus.standing("r", id.slice(0, id.lastIndexOf(".")));
    expect(standing(ids.at(-1))).toMatchObject({ lastId: ids.at(-1) });
    for (const id of ids.slice(1, -1))
      expect(standing(id)).toMatchObject({ lastId: id, state: "closed", end: { outcome: "failed" } });
    expect(standing(ids[0])).toBeUndefined();
    expect(bus.standing("r", "elsewhere-1")).toBeUndefined();
    const known = ids[5] ?? "";
    expect(bus.standing("other", known.slice(0, known.lastIndexOf("."))), "only of its own run").toBeUndefined();
  });

  it("of a bad id is the caller's mistake", () => {
    const bus = new EventBus();
    expect(() => bus.standing("")).toThrow("`runId` must be 1 to 256 characters without control characters");
    expect(() => bus.standing("r", 5 as unknown as string)).toThrow(
      "`generation` must be the generation of a run, got 5",
    );
  });
});
