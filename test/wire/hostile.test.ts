import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeEvent } from "../../src/wire/event-json.js";
import { FIXED_SEED, freshSeed } from "../seeds.js";

const event = { id: "g-1.1", runId: "run", seq: 1, type: "note", time: 5, data: {} };

/** Events in which some fields are anything that JSON can say, or missing. */
const almostEvents = fc
  .record(
    {
      id: fc.jsonValue(),
      runId: fc.jsonValue(),
      type: fc.jsonValue(),
      time: fc.oneof(fc.jsonValue(), fc.double()),
      data: fc.jsonValue(),
      ["__proto__"]: fc.jsonValue(),
      attributes: fc.jsonValue(),
      seq: fc.jsonValue(),
      spanId: fc.jsonValue(),
    },
    { requiredKeys: [] },
  )
  .map((fields) => JSON.stringify({ ...event, ...fields }));

const texts = fc.oneof(
  almostEvents,
  fc.json(),
  fc.string({ unit: "binary" }),
  // Cut off, or with something in between.
  fc
    .tuple(almostEvents, fc.nat(), fc.string({ unit: "binary", maxLength: 3 }))
    .map(([text, at, more]) => text.slice(0, at % text.length) + more + text.slice((at * 7) % text.length)),
);

function isDeeplyFrozen(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return true;
  return Object.isFrozen(value) && Object.values(value).every(isDeeplyFrozen);
}

describe("what should be the JSON of an event", () => {
  it.each([FIXED_SEED, freshSeed])("becomes an event that keeps its type, or a short reason (seed %i)", (seed) => {
    const property = fc.property(texts, (text) => {
      try {
        const { id, runId, seq = 0, type, time, spanId = "", data } = decodeEvent(text);
        expect([typeof id, typeof runId, typeof type]).toEqual(["string", "string", "string"]);
        expect([Number.isFinite(time), Number.isFinite(seq), typeof spanId]).toEqual([true, true, "string"]);
        expect(Object.prototype.toString.call(data)).toBe("[object Object]");
        expect(isDeeplyFrozen(data)).toBe(true);
      } catch (error) {
        if (!(error instanceof SyntaxError) && !(error instanceof TypeError)) throw error;
        expect(error.message.length).toBeLessThan(300);
      }
      expect(Object.keys(Object.prototype)).toEqual([]);
    });
    fc.assert(property, { seed, numRuns: 1000 });
  });

  it.each([
    ["a million brackets", "[".repeat(1_000_000)],
    [
      "data as deep as a megabyte allows",
      `{"id":"a.1","runId":"r","type":"t","time":1,"data":{"a":${"[".repeat(400_000)}${"]".repeat(400_000)}}}`,
    ],
    [
      "an id as deep as that",
      `{"id":${"[".repeat(400_000)}${"]".repeat(400_000)},"runId":"r","type":"t","time":1,"data":{}}`,
    ],
    ["an id of a megabyte that is a list", `{"id":[${JSON.stringify("x".repeat(1_000_000))}],"runId":"r"}`],
    [
      "data of a megabyte that are text",
      `{"id":"a.1","runId":"r","type":"t","time":1,"data":${JSON.stringify("x".repeat(1_000_000))}}`,
    ],
    ["a time beyond all numbers", '{"id":"a.1","runId":"r","type":"t","time":1e999,"data":{}}'],
  ])("is refused with a short reason: %s", (_, text) => {
    const refused = (): unknown => decodeEvent(text);
    expect(refused).toThrow(/^.{1,300}$/su);
    expect(refused).not.toThrow(RangeError);
  });
});
