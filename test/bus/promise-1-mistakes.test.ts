import { EventBus, type GlobalSubscribeOptions } from "spanbus";
import { describe, expect, it, vi } from "vitest";
import { publishNote, restoreAfterEach, stopTheClock } from "./support.js";

/** What the call throws, as `TypeError: its message`. */
function thrownBy(call: () => unknown): string {
  try {
    call();
  } catch (error) {
    return String(error);
  }
  return "nothing";
}

function listenTo(aborted: unknown, addEventListener: unknown, removeEventListener: unknown): object {
  return { signal: { aborted, addEventListener, removeEventListener } };
}

const listen = (): void => undefined;
const cannotBeShown = {
  toString(): string {
    throw new Error("not for show");
  },
};

describe("a caller's mistake is told with the name, what is allowed, and what was given:", () => {
  it.each<[object, string]>([
    [{ maxRuns: 0 }, "RangeError: `maxRuns` must be a positive integer, got 0"],
    [{ maxRuns: 2 ** 53 }, "RangeError: `maxRuns` must be a positive integer, got 9007199254740992"],
    [{ maxRuns: "7" }, 'TypeError: `maxRuns` must be a positive integer, got "7"'],
    [{ maxRuns: [7, "a"] }, 'TypeError: `maxRuns` must be a positive integer, got [7,"a"]'],
    [{ maxRuns: "x".repeat(78) }, `TypeError: \`maxRuns\` must be a positive integer, got "${"x".repeat(78)}"`],
    [{ maxRuns: "x".repeat(79) }, `TypeError: \`maxRuns\` must be a positive integer, got "${"x".repeat(79)}…`],
    [{ maxRuns: cannotBeShown }, "TypeError: `maxRuns` must be a positive integer, got object"],
    [{ transient: ["a", 5] }, 'TypeError: `transient` must be an array of strings, got ["a",5]'],
    [{ content: "some" }, 'RangeError: `content` must be one of "none", "preview", "full", got "some"'],
    [{ content: 5 }, 'TypeError: `content` must be one of "none", "preview", "full", got 5'],
    [{ include: "none" }, 'RangeError: `include` must be one of "agent", "all" or a function, got "none"'],
  ])("in the options of a bus, %o", (options, told) => {
    expect(thrownBy(() => new EventBus(options))).toBe(told);
  });

  it.each<[object | string | null, string]>([
    [null, "TypeError: `options` must be an object, got null"],
    ["live", 'TypeError: `options` must be an object, got "live"'],
    [["note"], 'TypeError: `options` must be an object, got ["note"]'],
    [{ after: 5 }, 'TypeError: `after` must be an event id or "live", got 5'],
    [{ signal: null }, "TypeError: `signal` must be an AbortSignal, got null"],
    [{ signal: "stop" }, 'TypeError: `signal` must be an AbortSignal, got "stop"'],
    [listenTo("no", listen, listen), "TypeError: `signal` must be an AbortSignal, got [object Object]"],
    [listenTo(false, undefined, listen), "TypeError: `signal` must be an AbortSignal, got [object Object]"],
    [listenTo(false, listen, undefined), "TypeError: `signal` must be an AbortSignal, got [object Object]"],
    [{ types: ["a", 5] }, 'TypeError: `types` must be an array of strings, got ["a",5]'],
    ...["", "*", ".*", "*.a", "a*", "a.*.b", "a.*x", "a.**"].map((type): [object, string] => [
      { types: ["note", type] },
      `RangeError: \`types\` must be exact names or prefixes ending in \`.*\`, got ${JSON.stringify(type)}`,
    ]),
    [{ where: "all" }, 'TypeError: `where` must be a function, got "all"'],
    [{ idleTimeoutMillis: "5" }, 'TypeError: `idleTimeoutMillis` must be a positive integer, got "5"'],
  ])("in the options of a reader, %j", (options, told) => {
    const bus = new EventBus();
    expect(thrownBy(() => bus.subscribe("run", options as object))).toBe(told);
    expect(thrownBy(() => bus.subscribeGlobal(options as GlobalSubscribeOptions))).toBe(told);
    expect(bus.stats()).toMatchObject({ runSubscribers: 0, globalSubscribers: 0 });
  });

  it("a signal that cannot be listened to leaves no reader behind", () => {
    const bus = new EventBus();
    const signal = {
      aborted: false,
      addEventListener() {
        throw new Error("cannot listen");
      },
      removeEventListener: listen,
    };
    expect(thrownBy(() => bus.subscribe("run", { signal }))).toBe("Error: cannot listen");
    expect(thrownBy(() => bus.subscribeGlobal({ signal }))).toBe("Error: cannot listen");
    expect(bus.stats()).toMatchObject({ runSubscribers: 0, globalSubscribers: 0 });
  });

  it("what makes no sense for all runs is not taken", () => {
    const bus = new EventBus();
    expect(bus.subscribeGlobal({ after: "x.1" } as GlobalSubscribeOptions).lastId).toBeUndefined();
  });

  it("what may be given is taken", () => {
    const bus = new EventBus();
    const like = { aborted: false, addEventListener: listen, removeEventListener: listen };
    bus.subscribe("run", {
      types: ["note", "a.b.*"],
      where: () => true,
      signal: like,
      after: "",
      idleTimeoutMillis: 1,
    });
    expect(bus.stats().runSubscribers).toBe(1);
  });

  it.each<[string, (bus: EventBus) => unknown, string]>([
    [
      "history after 5",
      (bus) => bus.history("run", { after: 5 as never }),
      "TypeError: `after` must be an event id, got 5",
    ],
    ["no history", (bus) => bus.history("run", { limit: 0 }), "RangeError: `limit` must be a positive integer, got 0"],
    ["history of nothing", (bus) => bus.history(5 as never), "TypeError: `runId` must be a string, got 5"],
    [
      "a reader of no run",
      (bus) => bus.subscribe("a\n"),
      'RangeError: `runId` must be 1 to 256 characters without control characters, got "a\\n"',
    ],
    [
      "the standing of a generation that is none",
      (bus) => bus.standing("run", 5 as never),
      "TypeError: `generation` must be the generation of a run, got 5",
    ],
    [
      "a tap that is none",
      (bus) => bus.tap("all" as never),
      'TypeError: `listener` must be a function or an object of functions, got "all"',
    ],
    [
      "a tap that is null",
      (bus) => bus.tap(null as never),
      "TypeError: `listener` must be a function or an object of functions, got null",
    ],
    ...["event", "opened", "closed"].map((name): [string, (bus: EventBus) => unknown, string] => [
      `a tap whose \`${name}\` is none`,
      (bus) => bus.tap({ [name]: 5 } as never),
      `TypeError: \`listener.${name}\` must be a function, got 5`,
    ]),
    [
      "stats of depths 1",
      (bus) => bus.stats({ depths: 1 as never }),
      "TypeError: `depths` must be true or false, got 1",
    ],
  ])("in a call, %s", (_, call, told) => {
    const bus = new EventBus();
    publishNote(bus, "run", 1);
    expect(thrownBy(() => call(bus))).toBe(told);
  });
});

describe("the time of an event", () => {
  restoreAfterEach();

  it.each([0, -1, 5.25, 1e300])("may be %d", (time) => {
    expect(new EventBus().publish({ runId: "run", type: "note", time })?.time).toBe(time);
  });

  it.each([undefined, null, Number.NaN, Number.POSITIVE_INFINITY, "5", 5n, new Date(5), {}])(
    "is now, where it is given as %s",
    (time) => {
      stopTheClock();
      vi.setSystemTime(1_700_000_000_000);
      expect(new EventBus().publish({ runId: "run", type: "note", time: time as number })?.time).toBe(
        1_700_000_000_000,
      );
    },
  );
});

describe("an id of a span", () => {
  const published = (id: unknown) =>
    new EventBus().publish({
      ...{ runId: "run", type: "note" },
      ...(Object.fromEntries(["traceId", "spanId", "parentSpanId"].map((name) => [name, id])) as { traceId?: string }),
    });

  it.each(["a", "0af7651916cd43dd8448eb211c80319c", "x".repeat(64), "\u0000"])("may be %j", (id) => {
    expect(published(id)).toMatchObject({ traceId: id, spanId: id, parentSpanId: id });
  });

  it.each(["", "x".repeat(65), null, undefined, 5, ["a"], { length: 1 }])("is left out where it is %j", (id) => {
    expect(Object.keys(published(id) ?? {})).toEqual(["id", "runId", "seq", "type", "time", "data"]);
  });
});

describe("a run id", () => {
  it.each([
    ...["a", " ", "~", "\u00a0", "x".repeat(256), "😀", "\ud800\udc00", "\udbff\udfff", "a😀b", "\ud7ff", "\ue000"],
    ...["__proto__", "a/b?c"],
  ])("may be %j", (runId) => {
    const bus = new EventBus();
    expect(publishNote(bus, runId, 1).runId).toBe(runId);
    expect(bus.history(runId)).toHaveLength(1);
  });

  it.each([
    ...["", "x".repeat(257), "\u0000", "\u001f", "\u007f", "\u009f", "a\tb", "ab\n"],
    ...[
      "\ud83d",
      "\ud83dx",
      "\ude00",
      "\ude00\ud83d",
      "a\ud83d",
      "\udbff",
      "\udc00",
      "\udfff",
      "\ud83d\udbff",
      "\udc00\udc00",
      "\ude00\udfff",
      "\ud83d\ue000",
    ],
  ])("may not be %j", (runId) => {
    const bus = new EventBus();
    expect(bus.publish({ runId, type: "note" })).toBeUndefined();
    expect(bus.closeStream(runId)).toBe(false);
    expect(bus.stats().refused).toBe(2);
    expect(() => bus.subscribe(runId)).toThrow(RangeError);
  });

  it("is read once, also when a getter gives it", () => {
    const bus = new EventBus();
    const ids = ["run", "\u0000"];
    const event = bus.publish({
      get runId() {
        return ids.shift() ?? "another";
      },
      type: "note",
    });
    expect(event?.runId).toBe("run");
    expect(ids).toHaveLength(1);
  });

  it("may not be left out", () => {
    const bus = new EventBus();
    for (const input of [{}, { type: "note" }, { runId: null, type: "note" }, 5, null, undefined])
      expect(bus.publish(input as never)).toBeUndefined();
    expect(bus.stats()).toMatchObject({ refused: 6, errors: 0, activeRuns: 0 });
  });
});
