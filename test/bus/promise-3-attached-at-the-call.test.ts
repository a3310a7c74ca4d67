import { type BusEvent, EventBus, type Subscription } from "spanbus";
import { describe, expect, it } from "vitest";
import {
  Dice,
  isOfType,
  isSettled,
  publishNote,
  publishNotes,
  range,
  read,
  readOne,
  readToEnd,
  readWaiting,
  restoreAfterEach,
  settle,
  shown,
  taken,
  typesOf,
} from "./support.js";

restoreAfterEach();

describe("a reader", () => {
  it("sees what is published after `subscribe` returned, also when it asks much later", async () => {
    const bus = new EventBus();
    const reader = bus.subscribe("run");
    const all = bus.subscribeGlobal();
    publishNotes(bus, "run", 1, 3);
    await settle();
    expect(reader.size).toBe(3);
    expect(shown(await readWaiting(reader))).toEqual([1, 2, 3]);
    expect(shown(await readWaiting(all))).toEqual(["bus.run.opened", 1, 2, 3]);
  });

  it("takes nothing from another that asks for the same, when it leaves", async () => {
    const bus = new EventBus();
    const [leaving, staying, all, allStaying] = [
      bus.subscribe("run", { types: ["note"] }),
      bus.subscribe("run", { types: ["note"] }),
      bus.subscribeGlobal(),
      bus.subscribeGlobal(),
    ] as const;
    publishNotes(bus, "run", 1, 1);
    await Promise.all([leaving.return?.(), all.return?.()]);
    publishNotes(bus, "run", 2, 3);
    expect(shown(await readWaiting(staying))).toEqual([1, 2, 3]);
    expect(shown(await readWaiting(allStaying))).toEqual(["bus.run.opened", 1, 2, 3]);
  });

  it("has its `where` asked before the event is written, also when one without a `where` left before", async () => {
    const bus = new EventBus();
    bus.publish({ runId: "run", type: "note" });
    await bus.subscribe("run").return?.();
    bus.subscribe("run", {
      after: "live",
      where: () => {
        bus.closeStream("run");
        return true;
      },
    });
    expect(bus.publish({ runId: "run", type: "note" })).toBeUndefined();
    expect(bus.history("run")).toHaveLength(1);
  });

  it("gets history and live as one, wherever in between it attaches", async () => {
    for (const before of range(0, 5)) {
      const bus = new EventBus();
      publishNotes(bus, "run", 1, before);
      const reader = bus.subscribe("run");
      publishNotes(bus, "run", before + 1, 8);
      expect(shown(await readWaiting(reader))).toEqual(range(1, 8));
    }
  });

  it("gets history and live as one while both take turns by microtasks", async () => {
    for (const seed of range(1, 20)) {
      const dice = new Dice(seed);
      const bus = new EventBus();
      const pause = async (): Promise<void> => {
        for (let turns = dice.from(0, 4); turns > 0; turns -= 1) await Promise.resolve();
      };
      const publishing = (async () => {
        for (const n of range(1, 30)) {
          publishNote(bus, "run", n);
          await pause();
        }
        bus.closeStream("run");
      })();
      const reading = range(1, 5).map(async () => {
        for (let turns = dice.from(0, 60); turns > 0; turns -= 1) await Promise.resolve();
        const events: BusEvent[] = [];
        for await (const event of bus.subscribe("run")) {
          events.push(event);
          await pause();
        }
        return shown(events);
      });
      await publishing;
      for (const events of await Promise.all(reading)) expect(events, `seed ${seed}`).toEqual(range(1, 30));
    }
  });

  it("may attach to a run that nobody knows yet", async () => {
    const bus = new EventBus();
    const reader = bus.subscribe("run");
    expect(bus.runs()).toEqual([]);
    const next = reader.next();
    const event = publishNote(bus, "run", 1);
    expect((await next).value).toBe(event);
    expect(event.seq).toBe(1);
  });

  it("that asks for `live` gets nothing of the past", async () => {
    const bus = new EventBus();
    publishNotes(bus, "run", 1, 3);
    const reader = bus.subscribe("run", { after: "live" });
    expect(reader).toMatchObject({ size: 0, caughtUp: true, lastId: undefined });
    publishNote(bus, "run", 4);
    expect(shown(await readWaiting(reader))).toEqual([4]);
  });

  it("that resumes behind any event it had gets exactly the rest", async () => {
    const bus = new EventBus();
    const events = publishNotes(bus, "run", 1, 6);
    for (const event of events) {
      const reader = bus.subscribe("run", { after: event.id });
      expect(reader.lastId).toBe(event.id);
      expect(shown(await readWaiting(reader))).toEqual(range((event.seq ?? 0) + 1, 6));
      reader.close();
    }
  });

  it("may stop and resume as often as it likes, while events go on coming", async () => {
    const bus = new EventBus();
    const got: (number | string)[] = [];
    let after: string | undefined;
    for (const n of range(1, 10)) {
      publishNotes(bus, "run", 2 * n - 1, 2 * n);
      const reader: Subscription = bus.subscribe("run", after === undefined ? {} : { after });
      got.push(...shown(await read(reader, n % 2 === 0 ? 3 : 1)));
      after = reader.lastId;
      reader.close();
    }
    expect(got).toEqual(range(1, 20));
  });

  it("tells when the replay is through", async () => {
    const bus = new EventBus();
    publishNotes(bus, "run", 1, 2);
    const reader = bus.subscribe("run");
    publishNote(bus, "run", 3);
    const caughtUp: boolean[] = [];
    for (const _ of range(1, 3)) {
      caughtUp.push(reader.caughtUp);
      await readOne(reader);
    }
    expect(caughtUp).toEqual([false, false, true]);
    expect(bus.subscribe("unknown").caughtUp).toBe(true);
    expect(bus.subscribeGlobal().caughtUp).toBe(true);
  });

  it("may ask for several events at once: they come in order, one each", async () => {
    const bus = new EventBus();
    publishNote(bus, "run", 1);
    const reader = bus.subscribe("run");
    const asked = range(1, 4).map(() => reader.next());
    publishNotes(bus, "run", 2, 3);
    await settle();
    publishNotes(bus, "run", 4, 5);
    const results = await Promise.all(asked);
    expect(shown(results.map(({ value }) => taken(value)))).toEqual([1, 2, 3, 4]);
    expect(shown(await readWaiting(reader))).toEqual([5]);
  });
});

describe("a reader in step with the publisher", () => {
  it("gets each event once and then waits, after however many", async () => {
    const bus = new EventBus({ maxQueueSize: 40 });
    const reader = bus.subscribe("run");
    let next = reader.next();
    for (const n of range(1, 200)) {
      expect(await isSettled(next), `before event ${n}`).toBe(false);
      publishNote(bus, "run", n);
      expect(shown([taken((await next).value)])).toEqual([n]);
      next = reader.next();
    }
  });

  it.each([1, 2, 7, 8, 9, 31, 33])(
    "by batches of %i gets everything in order, however often its log has turned over",
    async (size) => {
      const bus = new EventBus({ maxQueueSize: 33 });
      const batches = bus.subscribe("run", { after: "live" }).batches();
      for (let n = 1; n < 300; n += size) {
        publishNotes(bus, "run", n, n + size - 1);
        expect(shown((await batches.next()).value ?? [])).toEqual(range(n, n + size - 1));
      }
    },
  );

  it("is served in the order of asking, also when it asks again before it was told of an event", async () => {
    const bus = new EventBus();
    const reader = bus.subscribe("run");
    const first = reader.next();
    publishNote(bus, "run", 1);
    const second = reader.next();
    publishNote(bus, "run", 2);
    const batch = reader.batches().next();
    publishNotes(bus, "run", 3, 4);
    expect(shown([taken((await first).value), taken((await second).value)])).toEqual([1, 2]);
    expect(shown((await batch).value ?? [])).toEqual([3, 4]);
  });
});

describe("replay", () => {
  it("is never lost to the reader's own limit, however small that is", async () => {
    const bus = new EventBus({ maxQueueSize: 2 });
    publishNotes(bus, "run", 1, 100);
    const reader = bus.subscribe("run");
    expect(reader.size).toBe(100);
    expect(shown(await readWaiting(reader))).toEqual(range(1, 100));
    expect(reader.dropped).toBe(0);
  });

  it("of a closed run with more history than a queue holds comes whole and ends", async () => {
    const bus = new EventBus({ maxQueueSize: 2 });
    publishNotes(bus, "run", 1, 100);
    bus.closeStream("run");
    expect(shown(await readToEnd(bus.subscribe("run")))).toEqual(range(1, 100));
  });

  it("is a snapshot: neither newer events nor eviction take it away", async () => {
    const bus = new EventBus({ historyPerRun: 3, maxQueueSize: 2, maxRuns: 1 });
    publishNotes(bus, "run", 1, 3);
    const reader = bus.subscribe("run");
    publishNotes(bus, "run", 4, 5);
    publishNote(bus, "other", 1);
    expect(shown(await readToEnd(reader))).toEqual([1, 2, 3, 4, 5]);
  });
});

describe("`batches`", () => {
  it("gives everything that waits at once and shares the position with `next`", async () => {
    const bus = new EventBus();
    publishNotes(bus, "run", 1, 2);
    const reader = bus.subscribe("run");
    publishNotes(bus, "run", 3, 4);
    expect(shown([await readOne(reader)])).toEqual([1]);
    const batches = reader.batches();
    expect(shown((await batches.next()).value ?? [])).toEqual([2, 3, 4]);
    const waiting = batches.next();
    publishNotes(bus, "run", 5, 7);
    expect(shown((await waiting).value ?? [])).toEqual([5, 6, 7]);
    publishNotes(bus, "run", 8, 9);
    expect(shown([await readOne(reader)])).toEqual([8]);
    bus.closeStream("run");
    expect(shown((await batches.next()).value ?? [])).toEqual([9]);
    expect(await batches.next()).toEqual({ done: true, value: undefined });
    expect(await reader.next()).toEqual({ done: true, value: undefined });
  });

  it("leaves the subscription when it is left", async () => {
    const bus = new EventBus();
    const reader = bus.subscribe("run");
    const batches = reader.batches();
    const waiting = batches.next();
    expect(await batches.return?.()).toEqual({ done: true, value: undefined });
    expect(await waiting).toEqual({ done: true, value: undefined });
    expect(await reader.ended).toEqual({ reason: "returned" });
    const others = bus.subscribe("run").batches();
    publishNotes(bus, "run", 1, 2);
    for await (const events of others) {
      expect(shown(events)).toEqual([1, 2]);
      break;
    }
    expect(bus.stats().runSubscribers).toBe(0);
  });

  it("is served in the order of asking when both wait", async () => {
    const bus = new EventBus();
    const reader = bus.subscribe("run");
    const one = reader.next();
    const rest = reader.batches().next();
    const later = reader.next();
    publishNotes(bus, "run", 1, 3);
    expect(shown([taken((await one).value)])).toEqual([1]);
    expect(shown((await rest).value ?? [])).toEqual([2, 3]);
    publishNote(bus, "run", 4);
    expect(shown([taken((await later).value)])).toEqual([4]);
  });
});

describe("a reader that asks for some events", () => {
  const publishAll = (bus: EventBus, types: readonly string[]): void => {
    for (const [index, type] of types.entries()) publishNote(bus, "run", index + 1, type);
  };

  it("gets exact names, and prefixes that end in `.*`, in the replay and live", async () => {
    const bus = new EventBus();
    const types = ["agent", "agent.tool", "agent.tool.started", "agents.tool", "note", "notes", "note.x"];
    publishAll(bus, types);
    const reader = bus.subscribe("run", { types: ["agent.*", "note"] });
    publishAll(bus, types);
    const wanted = ["agent.tool", "agent.tool.started", "note"];
    expect(typesOf(await readWaiting(reader))).toEqual([...wanted, ...wanted]);
    const nothing = bus.subscribe("run", { types: [] });
    publishNote(bus, "run", 9);
    expect(nothing.size).toBe(0);
  });

  it("by `where` and by type gets what passes both", async () => {
    const bus = new EventBus();
    const reader = bus.subscribe("run", { types: ["note"], where: ({ seq }) => (seq ?? 0) % 2 === 1 });
    publishAll(bus, ["note", "note", "other", "other", "note"]);
    expect((await readWaiting(reader)).map(({ seq }) => seq)).toEqual([1, 5]);
  });

  it("shares nothing with a reader who asks for others, even if both lag", async () => {
    const bus = new EventBus({ maxQueueSize: 2 });
    const notes = bus.subscribe("run", { types: ["note"] });
    const rare = bus.subscribe("run", { types: ["rare"] });
    publishNote(bus, "run", 0, "rare");
    publishNotes(bus, "run", 1, 50);
    expect(rare).toMatchObject({ size: 1, dropped: 0 });
    expect(notes).toMatchObject({ size: 2, dropped: 48 });
  });
});

describe("a reader that attaches while an event is being told", () => {
  const attachAt: Record<string, (bus: EventBus, attach: () => true) => void> = {
    "when a tap hears of the run": (bus, attach) => void bus.tap({ opened: attach }),
    "when a tap hears of the first event": (bus, attach) => void bus.tap({ event: attach }),
    "when `where` of a reader of the run is asked": (bus, attach) =>
      void bus.subscribe("run", { where: () => attach() }),
    "when `where` of a reader of all runs is asked": (bus, attach) =>
      void bus.subscribeGlobal({ where: () => attach() }),
    "when `where` of a reader of all runs is asked about the event itself": (bus, attach) =>
      void bus.subscribeGlobal({ types: ["note"], where: () => attach() }),
  };

  it.each(Object.keys(attachAt))("gets that event, once: %s", async (when) => {
    const bus = new EventBus();
    const readers: Subscription[] = [];
    attachAt[when]?.(bus, () => {
      if (readers.length === 0) readers.push(bus.subscribe("run"), bus.subscribe("run", { types: ["note"] }));
      return true;
    });
    publishNotes(bus, "run", 1, 2);
    expect(readers).toHaveLength(2);
    for (const reader of readers) expect(shown(await readWaiting(reader))).toEqual([1, 2]);
  });
});

describe("a reader of all runs", () => {
  it("sees runs begin and end around their events, and nothing of before", async () => {
    const bus = new EventBus();
    publishNote(bus, "old", 1);
    const all = bus.subscribeGlobal();
    publishNote(bus, "old", 2);
    publishNote(bus, "new", 3);
    bus.closeStream("old", "failed");
    bus.closeStream("new");
    bus.closeStream("never published");
    const events = await readWaiting(all);
    expect(events.map(({ runId, type, data }) => [runId, type, data])).toEqual([
      ["old", "note", { n: 2 }],
      ["new", "bus.run.opened", {}],
      ["new", "note", { n: 3 }],
      ["old", "bus.run.closed", { outcome: "failed" }],
      ["new", "bus.run.closed", { outcome: "unknown" }],
    ]);
    for (const event of events) expect("seq" in event).toBe(isOfType("note")(event));
    const [old, opened, note, closed] = events.map(({ id }) => id);
    expect([opened, closed], "ids of before the first, and of the last event").toEqual([note?.replace(/1$/, "0"), old]);
    expect(all.size).toBe(0);
  });

  it("may ask for the control events alone, or for all but them", async () => {
    const bus = new EventBus();
    const control = bus.subscribeGlobal({ types: ["bus.*"] });
    const rest = bus.subscribeGlobal({ where: ({ seq }) => seq !== undefined });
    publishNote(bus, "run", 1);
    bus.closeStream("run");
    expect(typesOf(await readWaiting(control))).toEqual(["bus.run.opened", "bus.run.closed"]);
    expect(typesOf(await readWaiting(rest))).toEqual(["note"]);
  });

  it("does not put control events into the stream of a run", async () => {
    const bus = new EventBus();
    const reader = bus.subscribe("run");
    publishNote(bus, "run", 1);
    bus.closeStream("run");
    expect(typesOf(await readToEnd(reader))).toEqual(["note"]);
  });
});

describe("events that a tap publishes while readers are asked about another event of their run", () => {
  it("come before it, and every event has a seq of its own", async () => {
    const bus = new EventBus();
    const heard: string[] = [];
    bus.tap({
      opened: ({ runId }) => heard.push(`opened ${runId}`),
      event: ({ runId, type, spanId }) => {
        if (runId === "other" && type === "agent.model.chunk") bus.publish({ runId: "run", type: "reaction", spanId });
      },
    });
    publishNote(bus, "other", 1);
    bus.publish({ runId: "other", type: "agent.model.chunk", spanId: "s", data: { text: "last words" } });
    // Who is asked closes another run, whose last words a tap answers in this one.
    bus.subscribe("run", { where: () => bus.closeStream("other") || true });
    const reader = bus.subscribe("run");
    const first = taken(bus.publish({ runId: "run", type: "note", data: { n: 1 } }));
    publishNote(bus, "run", 2);
    bus.closeStream("run");
    const events = await readToEnd(reader);
    expect(events.map(({ seq, type }) => [seq, type])).toEqual([
      [1, "reaction"],
      [2, "note"],
      [3, "note"],
    ]);
    expect(first.id).toBe(events[1]?.id);
    expect(heard).toEqual(["opened other", "opened run"]);
    expect(await readToEnd(bus.subscribe("run", { after: first.id }))).toEqual([events[2]]);
  });
});
