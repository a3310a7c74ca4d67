import { EventBus, EventBusError, type Subscription } from "spanbus";
import { describe, expect, it } from "vitest";
import { publishNote, publishNotes, range, readToEnd, readWaiting, restoreAfterEach, shown } from "./support.js";

restoreAfterEach();

function refusal(subscribe: () => Subscription): EventBusError {
  try {
    subscribe();
  } catch (error) {
    if (error instanceof EventBusError) return error;
    throw error;
  }
  throw new Error("the reader was let in");
}

describe.each<[string, string, (bus: EventBus, n: number) => Subscription]>([
  ["of all runs", "maxGlobalSubscribers", (bus) => bus.subscribeGlobal()],
  ["of runs", "maxRunSubscribers", (bus, n) => bus.subscribe(`run-${n % 3}`)],
])("readers %s beyond `%s`", (_, option, subscribe) => {
  const busWithRoomFor = (readers: number): EventBus => new EventBus({ [option]: readers });

  it("are refused with a code, at the call, and counted", () => {
    const bus = busWithRoomFor(4);
    for (const n of range(1, 4)) subscribe(bus, n);
    for (const n of range(1, 3)) {
      const error = refusal(() => subscribe(bus, n));
      expect(error.code).toBe("SPANBUS_SUBSCRIBER_LIMIT");
      expect(error.name).toBe("EventBusError");
      expect(error.message).toMatch(new RegExp(`SPANBUS_SUBSCRIBER_LIMIT.*\`${option}\`.*4`));
    }
    const { runSubscribers, globalSubscribers, rejectedSubscribers } = bus.stats();
    expect([runSubscribers + globalSubscribers, rejectedSubscribers]).toEqual([4, 3]);
  });

  it("disturb nobody who is in, and leave no trace", async () => {
    const bus = busWithRoomFor(1);
    const reader = subscribe(bus, 0);
    expect(() => subscribe(bus, 0)).toThrow(EventBusError);
    publishNote(bus, "run-0", 1);
    expect(shown(await readWaiting(reader)).at(-1)).toBe(1);
    expect(bus.runs()).toMatchObject([{ runId: "run-0", subscribers: option === "maxRunSubscribers" ? 1 : 0 }]);
  });

  it("are let in as soon as one has left or has ended", async () => {
    const bus = busWithRoomFor(1);
    subscribe(bus, 0).close();
    const abort = new AbortController();
    const aborted = option === "maxRunSubscribers" ? bus.subscribe("run-0", { signal: abort.signal }) : undefined;
    abort.abort();
    expect(aborted?.size ?? 0).toBe(0);
    const reader = subscribe(bus, 0);
    publishNote(bus, "run-0", 1);
    bus.closeStream("run-0");
    bus.closeGlobal();
    expect(() => subscribe(bus, 0), "it still drains").toThrow(EventBusError);
    await readToEnd(reader);
    expect(() => subscribe(bus, 1)).not.toThrow();
  });
});

describe("the cap", () => {
  it("of one kind of reader does not touch the other", () => {
    const bus = new EventBus({ maxGlobalSubscribers: 1, maxRunSubscribers: 1 });
    bus.subscribeGlobal();
    bus.subscribe("run");
    expect(() => bus.subscribe("run")).toThrow("maxRunSubscribers");
    expect(() => bus.subscribeGlobal()).toThrow("maxGlobalSubscribers");
    expect(bus.stats().rejectedSubscribers).toBe(2);
  });

  it("does not count readers who ended at once", () => {
    const bus = new EventBus({ maxRunSubscribers: 1, maxGlobalSubscribers: 1 });
    bus.closeStream("closed");
    for (const _ of range(1, 5)) {
      bus.subscribe("closed");
      bus.subscribe("run", { signal: AbortSignal.abort() });
      bus.subscribeGlobal({ signal: AbortSignal.abort() });
    }
    expect(bus.stats()).toMatchObject({ runSubscribers: 0, globalSubscribers: 0, rejectedSubscribers: 0 });
  });

  it("does not keep ids of runs that rejected readers asked for", () => {
    const bus = new EventBus({ maxRunSubscribers: 1 });
    bus.subscribe("run");
    for (const n of range(1, 100)) expect(() => bus.subscribe(`other-${n}`)).toThrow(EventBusError);
    expect(bus.dropHistory("other-1")).toBe(false);
    publishNotes(bus, "other-1", 1, 2);
    expect(bus.stats()).toMatchObject({ runSubscribers: 1, rejectedSubscribers: 100, activeRuns: 1 });
  });

  it("is 50 readers of all runs by default", () => {
    const bus = new EventBus();
    for (const _ of range(1, 50)) bus.subscribeGlobal();
    expect(() => bus.subscribeGlobal()).toThrow(EventBusError);
  });
});

it("a `where` that is asked about the replay cannot let another reader in over the cap", () => {
  const bus = new EventBus({ maxRunSubscribers: 1 });
  publishNote(bus, "a", 1);
  const inside: EventBusError[] = [];
  bus.subscribe("a", { where: () => inside.push(refusal(() => bus.subscribe("b"))) > 0 });
  expect([inside.length, bus.stats().runSubscribers]).toEqual([1, 1]);
});
