import { type BusEvent, EventBus } from "spanbus";
import { describe, expect, it } from "vitest";
import { Dice, dataOf, isDeeplyFrozen, range, restoreAfterEach, taken } from "./support.js";

restoreAfterEach();

const MAX_BYTES = 32 * 1024;

const bus = new EventBus();

function published(data: object, rest: { attributes?: object; runId?: string } = {}): BusEvent {
  return taken(bus.publish({ runId: "run", type: "note", data, ...rest }));
}

function bytesOf(event: BusEvent): number {
  return Buffer.byteLength(JSON.stringify(event));
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
  const own: object = { toJSON: () => ({ n: 1, own, list: [own] }) };
  const refuse = (): never => {
    throw new Error("no");
  };
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
    ["an object whose own JSON is a text", { toJSON: () => "json" }, "json"],
    ["an object whose own JSON is null", { toJSON: () => null }, null],
    ["an object with a `toJSON` to be read", { toJSON: 5, a: 1 }, { toJSON: 5, a: 1 }],
    ["an error", new TypeError("broken"), { name: "TypeError", message: "broken" }],
    ["a map", new Map<unknown, unknown>([["a", new Map([["b", 1]])]]), { a: { b: 1 } }],
    ["a set", new Set([1, new Set(["x"])]), [1, ["x"]]],
    ["a cycle", cycle, { n: 1, list: [null, 2] }],
    ["a cycle through an object with its own JSON", own, { n: 1, list: [null] }],
    [
      "a getter that throws",
      {
        before: 1,
        get value() {
          return refuse();
        },
        after: 2,
      },
      { before: 1, after: 2 },
    ],
    ["an object that does not list its names", new Proxy({}, { ownKeys: refuse, get: () => 1 }), {}],
    ["null", null, null],
    ["the same object twice", [cycle["n"], { a: 1 }], [1, { a: 1 }]],
    ["an object without prototype", Object.assign(Object.create(null), { a: 1 }), { a: 1 }],
  ])("is JSON-safe: %s", (_, given, expected) => {
    const event = published({ value: given });
    expect(event.data).toStrictEqual({ value: expected });
    expect(JSON.parse(JSON.stringify(event))).toEqual(event);
  });

  it.each<[string, unknown]>([
    ["undefined", undefined],
    ["a function", () => 1],
    ["a symbol", Symbol("s")],
    ["an object whose JSON throws", { toJSON: refuse }],
    ["a proxy that throws", new Proxy({}, { getPrototypeOf: refuse })],
    [
      "a list without a length",
      new Proxy([1], { get: (list, name) => (name === "length" ? refuse() : Reflect.get(list, name)) }),
    ],
  ])("leaves out what JSON cannot say, without calling it truncated: %s", (_, value) => {
    expect(published({ before: 1, value, after: 2 }).data).toStrictEqual({ before: 1, after: 2 });
    expect(published({ list: [1, value, 2] }).data).toStrictEqual({ list: [1, null, 2] });
  });

  it.each<[string, object, object]>([
    ["a map", new Map([["a", 1]]), { a: 1 }],
    ["an object with its own JSON", { toJSON: () => ({ a: 1 }) }, { a: 1 }],
    ["an object whose own JSON is no object", { toJSON: () => "text" }, {}],
    ["an object whose own JSON is null", { toJSON: () => null }, {}],
    ["an object whose JSON throws, with what it has", { toJSON: refuse, a: 1 }, { a: 1 }],
  ])("may be %s", (_, data, expected) => {
    expect(published(data).data).toStrictEqual(expected);
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

  it("where bytes take more than that as base64", () => {
    const text = "AAAA".repeat(2048);
    expect(published({ bytes: new Uint8Array(6144) }).data).toEqual({ bytes: text });
    expect(published({ bytes: new Uint8Array(6145) }).data).toEqual({ bytes: text, truncated: true });
  });

  it("where a name has more than 8192 characters: it is left out, and what is behind it stays", () => {
    const [longest, longer] = ["n".repeat(8192), "n".repeat(8193)];
    expect(published({ [longest]: 1, a: 2 }).data).toEqual({ [longest]: 1, a: 2 });
    expect(published({ [longer]: 1, a: 2 }).data).toEqual({ a: 2, truncated: true });
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

  it("where a map or a set has more than 128 entries, of which no more are looked at", () => {
    let looked = 0;
    class Watched extends Map<string, number> {
      override *[Symbol.iterator](): MapIterator<[string, number]> {
        for (const entry of super[Symbol.iterator]()) {
          looked += 1;
          yield entry;
        }
      }
    }
    const entries = range(1, 1000).map((n): [string, number] => [`key-${n}`, n]);
    const data = published({ map: new Watched(entries), whole: new Map(entries.slice(0, 128)) }).data;
    expect(data).toEqual({
      map: Object.fromEntries(entries.slice(0, 128)),
      whole: Object.fromEntries(entries.slice(0, 128)),
      truncated: true,
    });
    expect(looked).toBe(129);
    expect(published({ set: new Set(range(1, 128)) }).data).toEqual({ set: range(1, 128) });
    expect(published({ set: new Set(range(1, 129)) }).data).toEqual({ set: range(1, 128), truncated: true });
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

  it.each(["😀", "\u{10000}", "\u{10ffff}"])("never between the halves of a character: %j", (character) => {
    const before = "x".repeat(8191);
    expect(published({ text: `${before}${character}` }).data).toEqual({ text: before, truncated: true });
    expect(published({ text: `x${before}${character}` }).data).toEqual({ text: `x${before}`, truncated: true });
    const around = `${before.slice(1)}${character}`;
    expect(published({ text: `${around}y` }).data).toEqual({ text: around, truncated: true });
  });

  it.each(["\ud7ff", "\ue000", "\udc00"])("between any others: behind %j", (last) => {
    const text = `${"x".repeat(8191)}${last}`;
    expect(published({ text: `${text}y` }).data).toEqual({ text, truncated: true });
  });

  it("not where a text that fits ends with half a character: it came so", () => {
    const text = `${"x".repeat(8191)}\ud83d`;
    expect(published({ text }).data).toEqual({ text });
  });

  it("never between the halves of a character where the room ends", () => {
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

  it("a list that breaks off while it is read, not at all", () => {
    let reads = 0;
    const list = new Proxy(["x", "y"], {
      get: (target, name) => {
        if (name === "length" && reads++ === 1) throw new Error("no");
        return Reflect.get(target, name);
      },
    });
    expect(counted({ list, n: 1 })).toBe(inJson({ n: 1 }) + 1);
  });

  it("its run id and its type in bytes", () => {
    const kept = (runId: string, type: string): number => {
      const bus = new EventBus();
      taken(bus.publish({ runId, type }));
      return bus.stats().historyBytes;
    };
    expect(kept("r", "t")).toBe(kept("r", "t".repeat(256)) - 255);
    expect(kept("€", "t")).toBe(kept("r", "t") + 2);
    expect(kept('"', "t")).toBe(kept("r", "t") + 1);
    expect(kept("r", "€")).toBe(kept("r", "t") + 2);
    expect(kept("r", "t")).toBe(200 + '"r"'.length + "t".length + "{}".length);
  });

  it("no less with ids of spans that are none of OpenTelemetry", () => {
    const id = (letter: string): string => letter + "\u0001".repeat(63);
    const bus = new EventBus();
    const ids = { traceId: id("a"), spanId: id("b"), parentSpanId: id("c") };
    const event = taken(bus.publish({ runId: "run", type: "note", ...ids }));
    expect(bus.stats().historyBytes).toBeGreaterThanOrEqual(bytesOf(event));
  });

  it("also where it was cut, and then for saying so", () => {
    const text = "x".repeat(8192);
    expect(counted({ text: `${text}x` })).toBe(inJson({ text, truncated: true }) + 1);
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

describe("data has room", () => {
  /** What docs/EVENTS.md says. */
  const roomOf = (runId: string, type: string): number =>
    MAX_BYTES - 1376 - Buffer.byteLength(JSON.stringify(runId)) - 3 * type.length - '"truncated":true,'.length;
  /** Data of so many bytes: each text takes 7 beside its characters, and all of it `{}`. */
  const filling = (bytes: number): Record<string, string> => ({
    ...Object.fromEntries(["a", "b", "c"].map((name) => [name, "x".repeat(8000)])),
    d: "x".repeat(bytes - 2 - 3 * 8007 - 7),
  });
  const filled = (room: number, bytes: number, rest: object) => {
    const data = filling(room - bytes);
    return { data, given: { ...data, ...rest } };
  };
  const room = roomOf("run", "note");

  it.each([
    ["run", "note"],
    ["r".repeat(256), "note"],
    ["€".repeat(256), "€".repeat(256)],
    ["run", "n".repeat(64)],
    ["run", "n".repeat(65)],
  ])("for so many bytes exactly, in a run %j with the type %j", (runId, type) => {
    const bus = new EventBus();
    const fits = filling(roomOf(runId, type));
    const { d, ...others } = filling(roomOf(runId, type));
    expect(bus.publish({ runId, type, data: fits })?.data).toEqual(fits);
    expect(bus.publish({ runId, type, data: { ...others, d: `${d}x` } })?.data).toEqual({ ...fits, truncated: true });
  });

  it("that its attributes share: they have what it leaves", () => {
    const attributes = { text: "x".repeat(100) };
    const size = JSON.stringify(attributes).length + ",".length;
    const data = filling(room - size);
    expect(published(data, { attributes })).toMatchObject({ data, attributes });
    const more = published(filling(room - size + 1), { attributes });
    expect(more.data).toEqual(filling(room - size + 1));
    expect(more.attributes).toEqual({ text: "x".repeat(99), truncated: true });
  });

  it("for attributes that only say that they had none", () => {
    const event = published(filling(room), { attributes: { n: 1 } });
    expect(event.attributes).toEqual({ truncated: true });
    expect(bytesOf(event)).toBeLessThanOrEqual(MAX_BYTES);
  });

  const out = Symbol("left out");
  // The name, its quotes, a colon and a comma take 5 bytes more than the value.
  it.each<[string, unknown, number, unknown]>([
    ["a digit", 7, 1, out],
    ["digits", 12_345, 5, out],
    ["a fraction, which may be as long as any", 0.5, 24, out],
    ["a flag", true, 5, out],
    ["null", null, 4, out],
    ["no number", Number.NaN, 4, out],
    ["an empty text", "", 2, out],
    ["a letter", "x", 3, ""],
    ["a letter of three bytes", "€", 5, ""],
    ["a letter that is escaped", "x\n", 5, "x"],
    ["two characters of four bytes", "😀😀", 10, "😀"],
    ["an empty object", {}, 2, out],
    ["an object", { a: 1 }, 8, {}],
    ["an empty list", [], 2, out],
    ["a list, whose items have room to be null", [7], 7, []],
    ["a list of what JSON cannot say", [null], 7, []],
  ])("for %s to the byte", (_, value, bytes, cut) => {
    const fits = filled(room, 5 + bytes, { v: value });
    expect(published(fits.given).data).toStrictEqual({ ...fits.data, v: Number.isNaN(value) ? null : value });
    const tight = filled(room, 5 + bytes - 1, { v: value });
    const rest = cut === out ? {} : { v: cut };
    expect(published(tight.given).data).toStrictEqual({ ...tight.data, ...rest, truncated: true });
  });

  it.each([0, 4, 5, 6])("of %d bytes, which no text has, not even cut", (bytes) => {
    const { data, given } = filled(room, bytes, { v: "text" });
    expect(published(given).data).toStrictEqual({ ...data, truncated: true });
  });

  it("of which what JSON cannot say takes none", () => {
    const { data, given } = filled(room, 5, { v: undefined });
    expect(published(given).data).toStrictEqual(data);
  });

  it("for what is behind what had none, if that is shorter", () => {
    const { data, given } = filled(room, 6, { long: 1, v: 12, w: 1, x: 2 });
    expect(published(given).data).toStrictEqual({ ...data, w: 1, truncated: true });
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

  it("makes an event of at most 32 KiB of JSON that reads back the same and is frozen", { timeout: 30_000 }, () => {
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
