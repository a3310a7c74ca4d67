import { type BusEvent, EventBus } from "spanbus";
import { describe, expect, it } from "vitest";
import { Dice, dataOf, range, restoreAfterEach, taken } from "./support.js";

restoreAfterEach();

const MAX_BYTES = 32 * 1024;

const bus = new EventBus();

function published(data: object, rest: { attributes?: object; runId?: string } = {}): BusEvent {
  return taken(bus.publish({ runId: "run", type: "note", data, ...rest }));
}

function bytesOf(event: BusEvent): number {
  return Buffer.byteLength(JSON.stringify(event));
}

function isDeeplyFrozen(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return true;
  return Object.isFrozen(value) && Object.values(value).every(isDeeplyFrozen);
}

/** `levels` containers inside each other, the outermost counted, around a value. */
function nested(levels: number, value: unknown, wrap: (inner: unknown) => unknown = (inner) => ({ inner })): object {
  let data: unknown = value;
  for (let level = 1; level < levels; level += 1) data = wrap(data);
  return { inner: data };
}

function innermost(data: unknown): unknown {
  let value = data;
  while (typeof value === "object" && value !== null && "inner" in value) value = value.inner;
  return value;
}

describe("event data", () => {
  it("is a deeply frozen copy: what the publisher does to the original later shows nowhere", () => {
    const data = { list: [{ n: 1 }], name: "before" };
    const event = published(data, { attributes: { deep: { list: [1] } } });
    data.name = "after";
    (data.list[0] as { n: number }).n = 2;
    expect(event.data).toEqual({ list: [{ n: 1 }], name: "before" });
    expect(isDeeplyFrozen(event)).toBe(true);
    expect(Object.isFrozen(data)).toBe(false);
  });

  const cycle: Record<string, unknown> = { n: 1 };
  cycle["self"] = cycle;
  cycle["list"] = [cycle, 2];
  it.each<[string, unknown, unknown]>([
    ["a date", new Date(0), "1970-01-01T00:00:00.000Z"],
    ["an invalid date", new Date(Number.NaN), null],
    ["a bigint", 2n ** 64n, "18446744073709551616"],
    ["NaN", Number.NaN, null],
    ["infinity", Number.NEGATIVE_INFINITY, null],
    ["bytes", new Uint8Array([1, 2, 255]), "AQL/"],
    ["a Buffer", Buffer.from("hello"), "aGVsbG8="],
    ["a view on part of a buffer", new Uint8Array([9, 1, 2, 255, 9]).subarray(1, 4), "AQL/"],
    ["an ArrayBuffer", new Uint8Array([1, 2, 255]).buffer, "AQL/"],
    ["an array with holes in its meaning", [undefined, () => 1, Symbol("s"), 1], [null, null, null, 1]],
    ["an object with its own JSON", { toJSON: () => ({ as: "json" }) }, { as: "json" }],
    ["a URL", new URL("http://localhost/path"), "http://localhost/path"],
    ["a cycle", cycle, { n: 1, list: [null, 2] }],
    ["null", null, null],
    ["the same object twice", [cycle["n"], { a: 1 }], [1, { a: 1 }]],
    ["an object without prototype", Object.assign(Object.create(null), { a: 1 }), { a: 1 }],
  ])("is JSON-safe: %s", (_, given, expected) => {
    const event = published({ value: given });
    expect(event.data).toEqual({ value: expected });
    expect(JSON.parse(JSON.stringify(event))).toEqual(event);
  });

  it.each<[string, unknown]>([
    ["undefined", undefined],
    ["a function", () => 1],
    ["a symbol", Symbol("s")],
    [
      "an object whose JSON throws",
      {
        toJSON: () => {
          throw new Error("no");
        },
      },
    ],
    [
      "a proxy that throws",
      new Proxy(
        {},
        {
          getPrototypeOf: () => {
            throw new Error("no");
          },
        },
      ),
    ],
  ])("leaves out what JSON cannot say, without calling it truncated: %s", (_, value) => {
    expect(published({ before: 1, value, after: 2 }).data).toEqual({ before: 1, after: 2 });
  });

  it("holds the same object in two places, since that is no cycle", () => {
    const shared = { n: 1 };
    expect(published({ a: shared, b: [shared] }).data).toEqual({ a: { n: 1 }, b: [{ n: 1 }] });
  });

  it("takes `__proto__` as the name it is in JSON", () => {
    const event = published(JSON.parse('{"__proto__":{"polluted":true},"constructor":1}'));
    expect(({} as Record<string, unknown>)["polluted"]).toBeUndefined();
    expect(Object.keys(event.data)).toEqual(["__proto__", "constructor"]);
  });

  it("is an empty object when there is none", () => {
    const bus = new EventBus();
    expect(bus.publish({ runId: "run", type: "note" })?.data).toEqual({});
    expect(bus.publish({ runId: "run", type: "note", data: null as unknown as object })?.data).toEqual({});
    expect(bus.publish({ runId: "run", type: "note", data: "text" as unknown as object })?.data).toEqual({});
  });

  it("runs a getter of the publisher once", () => {
    const bus = new EventBus();
    bus.publish({ runId: "run", type: "note" });
    let calls = 0;
    const data = {
      get text() {
        calls += 1;
        return "x";
      },
    };
    bus.publish({ runId: "run", type: "note", data });
    expect(calls).toBe(1);
  });
});

describe("an event is cut, and says so with `truncated: true`,", () => {
  it("where a string has more than 8192 characters", () => {
    const fits = "x".repeat(8192);
    expect(published({ fits }).data).toEqual({ fits });
    expect(published({ text: `${fits}y` }).data).toEqual({ text: fits, truncated: true });
    expect(published({ in: ["z".repeat(9000)] }).data).toEqual({ in: ["z".repeat(8192)], truncated: true });
  });

  it("where there are more than 128 keys or items", () => {
    const keys = (count: number) => Object.fromEntries(range(1, count).map((n) => [`k${n}`, n]));
    expect(published({ keys: keys(128), items: range(1, 128) }).data).toEqual({
      keys: keys(128),
      items: range(1, 128),
    });
    expect(published({ items: range(1, 129) }).data).toEqual({ items: range(1, 128), truncated: true });
    expect(published({ keys: keys(200) }).data).toEqual({ keys: keys(128), truncated: true });
    expect(published(keys(129)).data).toEqual({ ...keys(128), truncated: true });
  });

  it("where containers are nested more than 8 deep", () => {
    expect(innermost(published(nested(8, "core")).data)).toBe("core");
    expect(dataOf(published(nested(8, "core")))["truncated"]).toBeUndefined();
    expect(dataOf(published(nested(9, "core")))["truncated"]).toBe(true);
    expect(JSON.stringify(published(nested(9, "core")).data)).not.toContain("core");
    expect(dataOf(published(nested(10_000, "core")))["truncated"]).toBe(true);
  });

  it.each<[string, unknown, unknown]>([
    ["a date", new Date(0), "1970-01-01T00:00:00.000Z"],
    ["bytes", new Uint8Array([1, 2, 255]), "AQL/"],
    ["a boxed number", Object(5), 5],
  ])("but not where the innermost of 8 containers holds %s, which is no container", (_, value, expected) => {
    const event = published(nested(8, value));
    expect(innermost(event.data)).toBe(expected);
    expect(dataOf(event)["truncated"]).toBeUndefined();
  });

  it.each<[string, (inner: unknown) => unknown]>([
    ["objects with their own JSON", (inner) => ({ toJSON: () => ({ inner }) })],
    ["maps", (inner) => new Map([["inner", inner]])],
  ])("but not at 8 containers that are %s: each is one container in JSON", (_, wrap) => {
    const event = published(nested(8, "core", wrap));
    expect(innermost(event.data)).toBe("core");
    expect(dataOf(event)["truncated"]).toBeUndefined();
  });

  it("where all of it is more than 32 KiB", () => {
    const event = published(Object.fromEntries(range(1, 100).map((n) => [`text${n}`, "x".repeat(1000)])));
    expect(dataOf(event)["truncated"]).toBe(true);
    expect(bytesOf(event)).toBeLessThanOrEqual(MAX_BYTES);
    expect(bytesOf(event), "and the room is used").toBeGreaterThan(MAX_BYTES - 2500);
  });

  it("never between the halves of a character", () => {
    const text = published({ text: `${"x".repeat(8191)}😀` }).data as unknown as { text: string };
    expect(text.text).toBe("x".repeat(8191));
    const tight = published(Object.fromEntries(range(1, 10).map((n) => [`t${n}`, "😀".repeat(2000)])));
    expect(JSON.stringify(tight)).not.toContain("\\ud83d");
  });

  it("also in its attributes", () => {
    const event = published({ n: 1 }, { attributes: { text: "x".repeat(9000), list: range(1, 300) } });
    expect(event.data).toEqual({ n: 1 });
    expect(event.attributes).toEqual({ text: "x".repeat(8192), list: range(1, 128), truncated: true });
  });

  it("also when it was `redact` that made it large", () => {
    const bus = new EventBus({ redact: (draft) => ({ ...draft, data: { text: "x".repeat(100_000) } }) });
    expect(bus.publish({ runId: "run", type: "note" })?.data).toEqual({ text: "x".repeat(8192), truncated: true });
  });

  it("and stays marked when `redact` leaves it as it is", () => {
    const bus = new EventBus({ redact: (draft) => draft });
    const event = bus.publish({ runId: "run", type: "note", data: { items: range(1, 200) } });
    expect(event?.data).toEqual({ items: range(1, 128), truncated: true });
  });
});

describe("an event counts for its JSON in UTF-8:", () => {
  /** What the event counts for more than one without data. */
  const counted = (data: object, attributes?: object): number => {
    const [with_, without] = [{ data, ...(attributes && { attributes }) }, {}].map((rest) => {
      const bus = new EventBus();
      taken(bus.publish({ runId: "run", type: "note", ...rest }));
      return bus.stats().historyBytes;
    });
    return Number(with_) - Number(without);
  };
  const inJson = (data: object): number => Buffer.byteLength(JSON.stringify(data)) - "{}".length;

  it.each([
    ...[
      ...'a z!# ~"\\/\b\t\n\v\f\r\u0000\u0007\u000e\u001f\u007f\u0080\u07ff\u0800\ud7ff\ue000\uffff😀\ud800\udc00\udbff\udfff',
    ],
    ...["\ud800", "\udbff", "\udc00", "\udfff", "\ud83dx", "\ud83d\ue000", "\ud83d\ud83d\ude00", "\ude00\ud83d"],
  ])("text and names made of %j", (character) => {
    for (const text of [character, character.repeat(300), `${"x".repeat(100)}${character}`]) {
      // A comma belongs to each entry, also to the last.
      expect(counted({ text })).toBe(inJson({ text }) + 1);
      expect(counted({ [text]: null })).toBe(inJson({ [text]: null }) + 1);
    }
  });

  it.each([0, 1, 9, 10, 11, 99, 100, 12_345, -1, -9, -10, -100, Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER])(
    "the number %d",
    (number) => {
      expect(counted({ number })).toBe(inJson({ number }) + 1);
    },
  );

  it.each([0.1, -2.2250738585072014e-308, 2 ** 53, -1e300, 1 / 3])("at least, the number %d", (number) => {
    expect(counted({ number })).toBeGreaterThanOrEqual(inJson({ number }) + 1);
    expect(counted({ number })).toBeLessThanOrEqual(inJson({ number: -2.2250738585072014e-308 }) + 1);
  });

  it.each<[string, object]>([
    ["nothing", { none: null, invalid: new Date(Number.NaN), infinite: Number.POSITIVE_INFINITY }],
    ["lists", { list: [1, [2, 3], [], ["x", null, undefined]], empty: [] }],
    ["objects", { object: { a: 1, b: { c: {} } }, left: () => 1, out: undefined }],
    ["flags", { yes: true, no: false }],
    ["a date, bytes, a bigint", { date: new Date(0), bytes: new Uint8Array(100), big: 2n ** 70n }],
  ])("%s", (_, data) => {
    const json = inJson(JSON.parse(JSON.stringify(published(data).data)));
    const containers = JSON.stringify(published(data).data).match(/[[{]|true/g)?.length ?? 0;
    expect(counted(data)).toBeGreaterThanOrEqual(json);
    expect(counted(data), "a comma for each container, a letter for each `true`").toBeLessThanOrEqual(
      json + containers,
    );
    expect(counted({}, data)).toBe(counted(data) + "{}".length);
  });

  it("also where it was cut", () => {
    const bus = new EventBus();
    const event = taken(
      bus.publish({ runId: "run", type: "note", data: { text: "x".repeat(9000), items: range(1, 200) } }),
    );
    expect(bus.stats().historyBytes).toBeGreaterThanOrEqual(bytesOf(event));
    expect(bus.stats().historyBytes).toBeLessThan(bytesOf(event) + 200);
  });

  it("it is at most 32 KiB however long its names are, and as much of its data is kept as has room", () => {
    const data = Object.fromEntries(range(1, 8).map((n) => [`text${n}`, "x".repeat(8000)]));
    const ids = { traceId: "\u0001".repeat(64), spanId: "\u0002".repeat(64), parentSpanId: "\u0003".repeat(64) };
    for (const [runId, type] of [
      ["€".repeat(256), "€".repeat(64)],
      ["€".repeat(64), "€".repeat(256)],
      ["run", "note"],
    ] as const) {
      const event = taken(bus.publish({ runId, type, data, ...ids, attributes: { text: "x".repeat(8000) } }));
      expect(bytesOf(event)).toBeLessThanOrEqual(MAX_BYTES);
      expect(bytesOf(event)).toBeGreaterThan(MAX_BYTES - 700);
    }
  });
});

describe("any data", () => {
  const dice = new Dice(20_260);
  const alphabets = ["abc xyz", '"\\/', "\n\t\u0000\u001f\u007f", "äöü€", "😀𝔘", "\ud800\udc00x\udfff"];
  const randomText = (length: number): string => {
    const alphabet = dice.pick(alphabets);
    const start = dice.from(0, alphabet.length - 1);
    return alphabet.repeat(Math.ceil((start + length) / alphabet.length)).slice(start, start + length);
  };
  let values = 0;
  const randomValue = (depth: number): unknown => {
    values += 1;
    if (depth > 10 || values > 1000 || dice.chance(0.4)) {
      return dice.pick([
        () => randomText(dice.from(0, 40)),
        () => randomText(dice.chance(0.1) ? 9000 : 300),
        () => dice.roll() * 1e6,
        () => dice.from(-1000, 1000),
        () => dice.chance(0.5),
        () => null,
        () => undefined,
        () => BigInt(dice.from(0, 1e9)),
        () => new Date(dice.from(0, 1e9)),
        () => new Uint8Array(dice.from(0, 200)),
      ])();
    }
    const length = dice.from(0, dice.chance(0.05) ? 200 : 8);
    return dice.chance(0.5)
      ? Array.from({ length }, () => randomValue(depth + 1))
      : Object.fromEntries(range(1, length).map((n) => [`${randomText(3)}${n}`, randomValue(depth + 1)]));
  };

  it("makes an event of at most 32 KiB of JSON that reads back the same and is frozen", () => {
    let cut = 0;
    for (const _ of range(1, 200)) {
      values = 0;
      const data = Object.fromEntries(range(1, dice.from(0, 40)).map((n) => [`k${n}`, randomValue(2)]));
      const attributes = dice.chance(0.3) ? { value: randomValue(2), text: randomText(5000) } : undefined;
      const runId = dice.chance(0.5) ? "run" : "€".repeat(256);
      const event = published(data, { runId, ...(attributes && { attributes }) });
      expect(bytesOf(event)).toBeLessThanOrEqual(MAX_BYTES);
      expect(JSON.parse(JSON.stringify(event))).toEqual(event);
      expect(isDeeplyFrozen(event)).toBe(true);
      if (dataOf(event)["truncated"]) cut += 1;
    }
    expect(cut, "some were cut").toBeGreaterThan(10);
    expect(cut, "some were not").toBeLessThan(190);
  });
});
