import { diag } from "@opentelemetry/api";
import { BasicTracerProvider } from "@opentelemetry/sdk-trace-base";
import {
  type BusEvent,
  EventBus,
  EventBusError,
  type EventDraft,
  type EventInput,
  type SubscribeOptions,
} from "spanbus";
import { describe, expect, it, vi } from "vitest";
import {
  dataOf,
  isOfType,
  listenToDiag,
  publishNote,
  publishNotes,
  range,
  readToEnd,
  readWaiting,
  restoreAfterEach,
  settle,
  shown,
  stopTheClock,
  typesOf,
} from "./support.js";

restoreAfterEach();

function throwing(): never {
  throw new Error("out of order");
}

describe("a publish", () => {
  it("returns before any reader runs, however many wait", async () => {
    const bus = new EventBus();
    const reader = bus.subscribe("run");
    let taken = 0;
    reader.next().then(() => {
      taken += 1;
    });
    publishNotes(bus, "run", 1, 3);
    expect(taken).toBe(0);
    await settle();
    expect(taken).toBe(1);
  });

  it("returns the event at once while readers with full queues sleep", () => {
    const bus = new EventBus({ maxQueueSize: 2 });
    const asleep = [bus.subscribe("run"), bus.subscribe("run"), bus.subscribeGlobal()];
    expect(shown(publishNotes(bus, "run", 1, 50))).toEqual(range(1, 50));
    expect(asleep.map(({ size }) => size)).toEqual([2, 2, 2]);
  });
});

const garbage: Record<string, unknown> = {
  nothing: undefined,
  null: null,
  "a number": 7,
  "a string": "run",
  "an empty object": {},
  "a run id that is no string": { runId: 7, type: "note" },
  "an empty run id": { runId: "", type: "note" },
  "a run id with a line break": { runId: "a\nb", type: "note" },
  "a run id of 257 characters": { runId: "r".repeat(257), type: "note" },
  "a run id with half a character": { runId: "r\ud83d", type: "note" },
  "a type with half a character": { runId: "r", type: "\udc00note" },
  "a type that is no string": { runId: "run", type: Symbol("note") },
  "an empty type": { runId: "run", type: "" },
  "a type of the bus": { runId: "run", type: "bus.gap" },
  "a proxy that throws": new Proxy({}, { get: throwing, has: throwing, ownKeys: throwing }),
  "getters that throw": {
    get runId() {
      return throwing();
    },
  },
};

describe("what no publisher should pass", () => {
  it.each(Object.keys(garbage))("is counted and not thrown back: %s", (name) => {
    for (const bus of [new EventBus(), openBus()]) {
      const before = bus.stats();
      expect(bus.publish(garbage[name] as EventInput)).toBeUndefined();
      const after = bus.stats();
      expect(after.refused + after.errors).toBe(before.refused + before.errors + 1);
      expect(after.published).toBe(before.published);
      expect(bus.runs()).toHaveLength(before.activeRuns);
    }
  });

  function openBus(): EventBus {
    const bus = new EventBus();
    publishNote(bus, "run", 1);
    return bus;
  }

  it("is a run id that names nothing", () => {
    const bus = new EventBus();
    expect(bus.closeStream(7 as unknown as string)).toBe(false);
    expect(bus.closeStream("a\u0000b")).toBe(false);
    expect(bus.dropHistory(7 as unknown as string)).toBe(false);
    expect(bus.emit("note")).toBeUndefined();
    expect(bus.runs()).toEqual([]);
  });

  it.each(["boom", "text", "toJSON", "agentName"])(
    "is data with a getter `%s` that throws: it is left out, the rest is published",
    (name) => {
      const bus = new EventBus();
      publishNote(bus, "run", 1);
      const data = Object.defineProperty({ n: 2 }, name, { enumerable: true, get: throwing });
      expect(dataOf(bus.publish({ runId: "run", type: "note", data }))).toEqual({ n: 2 });
      expect(bus.stats().errors).toBe(0);
    },
  );

  it("is data with a getter that has the run forgotten, and begun by another event", () => {
    const bus = new EventBus();
    const data = {
      get n() {
        bus.publish({ runId: "run", type: "" });
        return publishNote(bus, "run", 1).seq;
      },
    };
    expect(bus.publish({ runId: "run", type: "note", data })).toBeUndefined();
    expect(bus.stats({ details: true }).details?.refused).toMatchObject({ invalid: 1, sealed: 1 });
    expect(bus.stats()).toMatchObject({ published: 1, activeRuns: 1 });
    expect(shown(bus.history("run"))).toEqual([1]);
  });

  it("is a chunk whose data throws when it is joined, which nobody could catch then", () => {
    stopTheClock();
    const bus = new EventBus();
    publishNote(bus, "run", 1);
    const reader = bus.subscribe("run", { after: "live" });
    const data = Object.defineProperty({ text: "hello" }, "boom", { enumerable: true, get: throwing });
    bus.publish({ runId: "run", type: "agent.model.chunk", spanId: "span", data });
    expect(() => vi.advanceTimersByTime(1000)).not.toThrow();
    expect(reader.size).toBe(1);
  });
});

describe("a tap that throws", () => {
  it("is counted, and neither the publisher nor other taps notice", () => {
    listenToDiag();
    const bus = new EventBus();
    const seen: BusEvent[] = [];
    bus.tap(throwing);
    bus.tap((event) => seen.push(event));
    const events = publishNotes(bus, "run", 1, 3);
    expect(seen).toEqual(events);
    expect(bus.stats()).toMatchObject({ published: 3, errors: 3 });
  });

  it("is counted also when it does so later", async () => {
    const messages = listenToDiag();
    const bus = new EventBus();
    bus.tap(async () => throwing());
    publishNote(bus, "run", 1);
    await settle();
    expect(bus.stats().errors).toBe(1);
    expect(messages[0]).toMatch(/tap/);
  });

  it("is counted also where it hears of runs", () => {
    listenToDiag();
    const bus = new EventBus();
    bus.tap({ opened: throwing, closed: throwing });
    publishNote(bus, "run", 1);
    expect(bus.closeStream("run")).toBe(true);
    expect(bus.stats().errors).toBe(2);
  });

  it("is told through diag once per burst, with what went wrong", () => {
    stopTheClock();
    const messages = listenToDiag();
    const bus = new EventBus();
    bus.tap(throwing);
    publishNotes(bus, "run", 1, 100);
    expect(messages).toHaveLength(1);
    expect(messages[0]).toMatch(/tap/);
    vi.advanceTimersByTime(10 * 60_000);
    publishNote(bus, "run", 101);
    expect(messages).toHaveLength(2);
    expect(bus.stats().errors).toBe(101);
  });

  it.each<[string, (bus: EventBus) => unknown, RegExp]>([
    ["a `where` that throws", (bus) => bus.subscribe("run", { where: throwing }), /where failed/],
    [
      "a `where` that gives a function with a `then`",
      // biome-ignore lint/suspicious/noThenProperty: that is what it is about
      (bus) => bus.subscribe("run", { where: () => Object.assign(() => true, { then: () => {} }) as never }),
      /`where` must be synchronous/,
    ],
    [
      "a `where` that is asynchronous",
      (bus) => bus.subscribe("run", { where: (async () => true) as never }),
      /`where` must be synchronous/,
    ],
    ["a tap that throws", (bus) => bus.tap(throwing), /tap failed/],
    [
      "taps that never stop",
      (bus) => bus.tap(() => bus.publish({ runId: "run", type: "note" })),
      /tap failed.*taps published 1024 events in a row/,
    ],
  ])("is told by its name: %s", (_what, take, name) => {
    const messages = listenToDiag();
    const bus = new EventBus();
    take(bus);
    publishNote(bus, "run", 1);
    expect(messages).toHaveLength(1);
    expect(messages[0]).toMatch(name);
  });

  it("does no harm when the logger behind diag throws as well", () => {
    listenToDiag({ failing: true });
    const bus = new EventBus({ redact: throwing });
    const other = new EventBus();
    other.tap(throwing);
    other.subscribe("run", { where: throwing });
    expect(() => bus.publish({ runId: "run", type: "note" })).not.toThrow();
    let event: BusEvent | undefined;
    expect(() => {
      event = other.publish({ runId: "run", type: "note" });
    }).not.toThrow();
    expect(event?.type).toBe("note");
  });
});

describe("a tap", () => {
  it("that publishes keeps the order for everybody", async () => {
    const bus = new EventBus();
    const heard: [string, number][] = [];
    bus.tap((event) => {
      heard.push(["first", event.seq ?? 0]);
      if (isOfType("question")(event)) publishNote(bus, "run", 0, "answer");
    });
    bus.tap((event) => heard.push(["second", event.seq ?? 0]));
    const reader = bus.subscribe("run");
    publishNote(bus, "run", 0, "question");
    publishNote(bus, "run", 0, "question");
    expect(heard.filter(([tap]) => tap === "first").map(([, seq]) => seq)).toEqual([1, 2, 3, 4]);
    expect(heard.filter(([tap]) => tap === "second").map(([, seq]) => seq)).toEqual([1, 2, 3, 4]);
    expect(typesOf(await readWaiting(reader))).toEqual(["question", "answer", "question", "answer"]);
  });

  it("that answers itself without end neither hangs nor overflows the stack, and nothing it published is lost", () => {
    const messages = listenToDiag();
    const bus = new EventBus({ historyPerRun: 5000, maxQueueSize: 5000 });
    const reader = bus.subscribe("run");
    let told = 0;
    let published = 1;
    bus.tap(() => {
      told += 1;
      if (bus.publish({ runId: "run", type: "echo" })) published += 1;
    });
    publishNote(bus, "run", 1);
    expect(told).toBe(1 + 1024);
    expect(bus.stats()).toMatchObject({ published, errors: 1, historyEvents: published });
    expect(reader.size).toBe(published);
    expect(bus.history("run").map(({ seq }) => seq)).toEqual(range(1, published));
    expect(messages).toHaveLength(1);

    publishNote(bus, "run", 2);
    expect(told, "the next publish starts afresh").toBe(2 * (1 + 1024));
  });

  it.each([
    ["opened", {}],
    ["closed", { maxOpenRuns: 5 }],
  ] as const)("that begins a run whenever it hears that one %s hangs nobody", (notice, options) => {
    listenToDiag();
    const bus = new EventBus(options);
    let runs = 0;
    const begin = (): void => {
      runs += 1;
      bus.publish({ runId: `run-${runs}`, type: "echo" });
    };
    bus.tap({ [notice]: begin });
    for (const n of range(1, 6)) publishNote(bus, `first-${n}`, 1);
    const { published, refused } = bus.stats();
    expect(published).toBeLessThan(20_000);
    expect(refused).toBeGreaterThan(0);
    expect(publishNote(bus, "later", 1).seq).toBe(1);
  });

  it("that begins a run in answer to each, some hundred times, begins them all", () => {
    const bus = new EventBus();
    let runs = 1;
    const answer = (): void => {
      if (runs >= 500) return;
      runs += 1;
      bus.publish({ runId: `run-${runs}`, type: "echo" });
    };
    bus.tap({ opened: answer });
    publishNote(bus, "run-1", 1);
    expect(bus.stats()).toMatchObject({ published: 500, refused: 0, errors: 0, activeRuns: 500 });
  });

  it("that begins very many runs at once begins them all", () => {
    listenToDiag();
    const bus = new EventBus();
    bus.tap(({ type }) => {
      if (type !== "note") return;
      for (const n of range(1, 2000)) bus.publish({ runId: `run-${n}`, type: "copy" });
    });
    publishNote(bus, "run", 1);
    expect(bus.stats()).toMatchObject({ published: 2001, refused: 0, activeRuns: 2001 });
  });

  it("that publishes ever more is told of as many, and the fault is counted once", () => {
    listenToDiag();
    const bus = new EventBus();
    let told = 0;
    bus.tap(() => {
      told += 1;
      bus.publish({ runId: "run", type: "echo" });
      bus.publish({ runId: "run", type: "echo" });
    });
    publishNote(bus, "run", 1);
    expect(told).toBe(1 + 1024);
    expect(bus.stats()).toMatchObject({ published: 1 + 2 * told, errors: 1 });
  });

  it("hears nothing after it was closed, also when another tap closes it in between", () => {
    const bus = new EventBus();
    const seen: number[] = [];
    bus.tap(() => second.close());
    const second = bus.tap((event) => seen.push(event.seq ?? 0));
    publishNotes(bus, "run", 1, 2);
    expect(seen).toEqual([]);
  });
});

describe("`where` that throws", () => {
  it("hides the event from that reader alone, live and in the replay", async () => {
    listenToDiag();
    const bus = new EventBus();
    publishNotes(bus, "run", 1, 3);
    const where = (event: BusEvent): boolean => (event.seq !== 2 && event.seq !== 5 ? true : throwing());
    const strict = bus.subscribe("run", { where });
    const other = bus.subscribe("run");
    publishNotes(bus, "run", 4, 6);
    expect(shown(await readWaiting(strict))).toEqual([1, 3, 4, 6]);
    expect(shown(await readWaiting(other))).toEqual(range(1, 6));
    expect(bus.stats()).toMatchObject({ errors: 2, published: 6, refused: 0 });
  });
});

describe("`redact`", () => {
  const hidesSecrets = (how: (draft: EventDraft) => EventDraft | undefined) => (draft: EventDraft) =>
    draft.type === "secret" ? how(draft) : draft;

  it.each([
    ["throws", throwing, 1],
    ["returns undefined", () => undefined, 0],
    ["returns a promise", async () => undefined, 1],
    ["returns something else", () => "kept" as unknown as EventDraft, 1],
  ] as [string, (draft: EventDraft) => EventDraft | undefined, number][])(
    "that %s withholds the event from everybody and uses up no seq",
    async (_, how, errors) => {
      listenToDiag();
      const bus = new EventBus({ redact: hidesSecrets(how) });
      const tapped: string[] = [];
      bus.tap((event) => tapped.push(event.type));
      const reader = bus.subscribe("run");
      const all = bus.subscribeGlobal();
      publishNote(bus, "run", 1);
      expect(bus.publish({ runId: "run", type: "secret" })).toBeUndefined();
      expect(publishNote(bus, "run", 2).seq).toBe(2);
      expect(typesOf(await readWaiting(reader))).toEqual(["note", "note"]);
      expect(typesOf(await readWaiting(all))).toEqual(["bus.run.opened", "note", "note"]);
      expect(tapped).toEqual(["note", "note"]);
      expect(typesOf(bus.history("run"))).toEqual(["note", "note"]);
      expect(bus.stats()).toMatchObject({ published: 2, refused: 1, errors });
    },
  );

  it.each<[string, unknown, string]>([
    ["a text", "kept", '"kept"'],
    ["a number", 5, "5"],
    ["true", true, "true"],
    ["a function", listenToDiag, "function listenToDiag"],
    ["a draft without data", { type: "note" }, "[object Object]"],
    ["a draft whose data is a text", { data: "text" }, "[object Object]"],
    ["a draft whose data is null", { data: null }, "[object Object]"],
  ])("that returns %s withholds the event and is told what it must be", (_, result, shown) => {
    const messages: unknown[] = [];
    const none = (): void => undefined;
    const error = (...told: unknown[]): void => void messages.push(...told);
    diag.setLogger({ error, warn: none, info: none, debug: none, verbose: none }, { suppressOverrideMessage: true });
    const bus = new EventBus({ redact: () => result as EventDraft });
    expect(bus.publish({ runId: "run", type: "note" })).toBeUndefined();
    expect(bus.stats()).toMatchObject({ refused: 1, errors: 1 });
    const must = "`redact` must be a synchronous function that returns a draft or undefined, got";
    expect(String(messages[1])).toContain(`TypeError: ${must} ${shown}`);
  });

  it("gets a draft that is its own: it may change all of it, and what is not there is not in it", () => {
    const drafts: EventDraft[] = [];
    const given = { data: { list: [{ n: 1 }] }, attributes: { list: [{ n: 1 }] } };
    const bus = new EventBus({
      redact: (draft) => {
        drafts.push({ ...draft });
        for (const each of [draft.data, draft.attributes]) {
          if (each) Object.assign(each, { list: [...(each["list"] as object[]), { n: 2 }] }).list[0] = { n: 0 };
        }
        return draft;
      },
    });
    const list = [{ n: 0 }, { n: 2 }];
    expect(bus.publish({ runId: "run", type: "note", time: 5, ...given })).toMatchObject({
      data: { list },
      attributes: { list },
    });
    expect(given).toEqual({ data: { list: [{ n: 1 }] }, attributes: { list: [{ n: 1 }] } });
    const { data } = given;
    expect(bus.publish({ runId: "run", type: "note", time: 5, data })).not.toHaveProperty("attributes");
    expect(Object.keys(drafts[1] ?? {})).toEqual(["runId", "type", "time", "data"]);
  });

  it("withholds by null as by nothing", () => {
    const bus = new EventBus({ redact: () => null as never });
    expect(bus.publish({ runId: "run", type: "note" })).toBeUndefined();
    expect(bus.stats()).toMatchObject({ refused: 1, errors: 0 });
  });

  it("may give a draft that only looks like a promise", () => {
    const likeOne = JSON.parse(`{"then":"next"}`);
    const bus = new EventBus({ redact: (draft) => ({ ...draft, ...likeOne }) });
    expect(bus.publish({ runId: "run", type: "note", data: { n: 1 } })?.data).toEqual({ n: 1 });
  });

  it("that withholds the first event of a run leaves no trace of the run", async () => {
    const bus = new EventBus({ redact: hidesSecrets(() => undefined) });
    const opened = vi.fn();
    bus.tap({ opened });
    bus.publish({ runId: "run", type: "secret" });
    expect(opened).not.toHaveBeenCalled();
    expect(bus.runs()).toEqual([]);
    expect(bus.stats()).toMatchObject({ activeRuns: 0, retainedRuns: 0 });
    expect(publishNote(bus, "run", 1).seq).toBe(1);
    expect(opened).toHaveBeenCalledOnce();
  });

  it("may change data and attributes, and cannot change what the event is", () => {
    const original = { name: "Ada", age: 36 };
    const bus = new EventBus({
      redact: (draft) => {
        draft.data["name"] = "***";
        return { ...draft, runId: "another", type: "bus.gap", attributes: { seen: true } };
      },
    });
    const event = bus.publish({ runId: "run", type: "person", data: original, attributes: { secret: "x" } });
    expect(event).toMatchObject({
      runId: "run",
      type: "person",
      data: { name: "***", age: 36 },
      attributes: { seen: true },
    });
    expect(original.name).toBe("Ada");
  });
});

describe("a callback that decides", () => {
  it("that gives a promise which fails withholds the event; the failure is counted once and goes nowhere else", async () => {
    const unhandled: unknown[] = [];
    const listener = (reason: unknown): void => void unhandled.push(reason);
    process.on("unhandledRejection", listener);
    const messages = listenToDiag();
    const bus = new EventBus({ redact: (() => Promise.reject(new Error("too late"))) as never });
    expect(bus.publish({ runId: "a", type: "note" })).toBeUndefined();
    await new Promise((resolve) => setTimeout(resolve));
    process.off("unhandledRejection", listener);
    expect([unhandled, bus.stats().errors]).toEqual([[], 1]);
    expect(messages[0]).toMatch(/redact failed/);
  });

  it.each(["where", "redact"])("cannot publish: `%s`", async (name) => {
    const bus: EventBus = new EventBus(
      name === "redact" ? { redact: (draft) => (publishMore() ? draft : undefined) } : {},
    );
    const publishMore = (): boolean => {
      bus.publish({ runId: "run", type: "more" });
      bus.publish({ runId: "another", type: "more" });
      return true;
    };
    const reader = bus.subscribe("run", name === "where" ? { where: publishMore } : {});
    publishNotes(bus, "run", 1, 2);
    expect(typesOf(await readWaiting(reader))).toEqual(["note", "note"]);
    expect(bus.stats()).toMatchObject({ published: 2, refused: 4, errors: 0, activeRuns: 1 });
  });

  it("cannot publish a chunk either, which would only come later", () => {
    stopTheClock();
    const bus = new EventBus();
    publishNote(bus, "run", 1);
    const where = (): boolean => {
      bus.publish({ runId: "run", type: "agent.model.chunk", spanId: "span", data: { text: "more" } });
      return true;
    };
    bus.subscribe("run", { where, after: "live" });
    publishNote(bus, "run", 2);
    vi.advanceTimersByTime(1000);
    expect(bus.stats()).toMatchObject({ published: 2, refused: 1 });
  });

  it.each(["include", "runId"])("cannot publish: `%s`", (name) => {
    const bus: EventBus = new EventBus({
      include: () => name !== "include" || publishMore(),
      runId: () => (name !== "runId" || publishMore() ? "run" : undefined),
    });
    const publishMore = (): boolean => bus.publish({ runId: "more", type: "more" }) === undefined;
    new BasicTracerProvider({ spanProcessors: [bus] }).getTracer("test").startSpan("work").end();
    expect(typesOf(bus.history("run"))).toEqual(["span.started", "span.completed"]);
    expect(bus.runs().map(({ runId }) => runId)).toEqual(["run"]);
    expect(bus.stats().refused).toBe(1);
  });

  it("may close the run: then the event that was asked about is refused", async () => {
    const bus = new EventBus();
    publishNote(bus, "run", 1);
    const reader = bus.subscribe("run", { where: () => bus.closeStream("run"), after: "live" });
    expect(bus.publish({ runId: "run", type: "note" })).toBeUndefined();
    expect(shown(await readToEnd(reader))).toEqual([]);
    expect(bus.history("run")).toHaveLength(1);
  });
});

describe("a caller's mistake", () => {
  it.each([
    [{ historyPerRun: 0 }, RangeError, "`historyPerRun` must be a positive integer, got 0"],
    [{ maxRuns: 0 }, RangeError, "`maxRuns` must be a positive integer, got 0"],
    [{ maxQueueSize: 1.5 }, RangeError, "`maxQueueSize` must be a positive integer, got 1.5"],
    [{ maxHistoryBytes: Number.POSITIVE_INFINITY }, RangeError, "`maxHistoryBytes`"],
    [{ maxGlobalSubscribers: -1 }, RangeError, "`maxGlobalSubscribers`"],
    [{ maxRunSubscribers: Number.NaN }, RangeError, "`maxRunSubscribers`"],
    [{ maxOpenRuns: "many" }, TypeError, '`maxOpenRuns` must be a positive integer, got "many"'],
    [{ idleTimeoutMillis: 0 }, RangeError, "`idleTimeoutMillis`"],
    [{ unreadTimeoutMillis: Number.POSITIVE_INFINITY }, RangeError, "`unreadTimeoutMillis`"],
    [{ transient: "agent.model.chunk" }, TypeError, "`transient`"],
    [{ redact: "all" }, TypeError, "`redact` must be a function"],
  ] as const)("in the constructor is told at once: %o", (options, kind, message) => {
    expect(() => new EventBus(options as never)).toThrow(kind);
    expect(() => new EventBus(options as never)).toThrow(message);
  });

  it.each([
    [{ after: 5 }, TypeError, "`after`"],
    [{ signal: {} }, TypeError, "`signal` must be an AbortSignal"],
    [{ types: "agent.*" }, TypeError, "`types` must be an array of strings"],
    [{ types: [5] }, TypeError, "`types` must be an array of strings"],
    [{ where: "all" }, TypeError, "`where` must be a function"],
    [{ idleTimeoutMillis: 0 }, RangeError, "`idleTimeoutMillis` must be a positive integer, got 0"],
    ["live", TypeError, "must be an object"],
  ] as const)("in a subscription is told at once and leaves no reader behind: %o", (options, kind, message) => {
    const bus = new EventBus();
    expect(() => bus.subscribe("run", options as unknown as SubscribeOptions)).toThrow(kind);
    expect(() => bus.subscribe("run", options as unknown as SubscribeOptions)).toThrow(message);
    if (typeof options !== "object" || !("after" in options)) {
      expect(() => bus.subscribeGlobal(options as unknown as SubscribeOptions)).toThrow(message);
    }
    expect(bus.stats()).toMatchObject({ runSubscribers: 0, globalSubscribers: 0, rejectedSubscribers: 0 });
  });

  it("is a run id that no run can have", () => {
    const bus = new EventBus();
    expect(() => bus.subscribe("")).toThrow(RangeError);
    expect(() => bus.subscribe(undefined as unknown as string)).toThrow(TypeError);
    expect(() => bus.subscribe("r".repeat(257))).toThrow("`runId` must be 1 to 256 characters");
    expect(new EventBusError("SPANBUS_SUBSCRIBER_LIMIT", "full")).not.toBeInstanceOf(RangeError);
  });
});
