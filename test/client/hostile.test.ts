import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { createGzip } from "node:zlib";
import fc from "fast-check";
import type { BusEvent } from "spanbus";
import { type ConnectOptions, connect, EndpointError } from "spanbus/client";
import { describe, expect, it } from "vitest";
import { FIXED_SEED, freshSeed } from "../seeds.js";

const seeds = [FIXED_SEED, freshSeed];
const encoder = new TextEncoder();

/** What a stream of events may hold, as its text and as the events that a reader gets of it. */
interface Item {
  readonly text: string;
  readonly events: readonly unknown[];
}

const lineEnds = fc.constantFrom("\n", "\r\n", "\r");
const names = fc.oneof(
  fc.constantFrom("note", "agent.model.chunk", "bus.gap", "__proto__"),
  fc.string({ unit: "grapheme" }),
);
const events = fc
  .record({
    id: fc.nat(9999).map((seq) => `g-1.${seq}`),
    runId: fc.string({ unit: "grapheme", minLength: 1 }),
    type: names.filter((name) => name !== "bus.gap"),
    time: fc.double({ noNaN: true, noDefaultInfinity: true }),
    data: fc.dictionary(fc.string({ unit: "grapheme" }), fc.jsonValue()),
  })
  // As it is after its way through JSON, where -0 is 0.
  .map((event) => JSON.parse(JSON.stringify(event)) as unknown);
const comments = fc.string({ unit: "grapheme" }).map((text) => text.replace(/[\r\n]/g, " "));
const items: fc.Arbitrary<Item> = fc.oneof(
  { weight: 5, arbitrary: fc.tuple(events, lineEnds).map(([event, end]) => eventItem(event, end)) },
  comments.map((text) => ({ text: `: ${text}\n\n`, events: [] })),
  fc.constantFrom(
    { text: "event: caught-up\ndata: {}\n\n", events: [] },
    { text: "event: a-later-version\ndata: {not JSON\n\n", events: [] },
    { text: "retry: 1\n\n", events: [] },
    { text: "unknown: field\n\n", events: [] },
    { text: "\n\n\n", events: [] },
    { text: "id: g-1.7\n\n", events: [] },
  ),
);
/** Gaps are taken at their word, which may be none. */
const gaps = fc
  .record({ missed: fc.jsonValue(), reason: fc.constantFrom("lagged", "evicted", 1, null) }, { requiredKeys: [] })
  .map((data) => eventItem({ id: "g-1.3", runId: "run", type: "bus.gap", time: 1, data }, "\n"));

function eventItem(event: unknown, end: string): Item {
  const { id } = event as BusEvent;
  return { text: `id: ${id}${end}data: ${JSON.stringify(event)}${end}${end}`, events: [event] };
}

/** Pieces of the bytes, of the lengths given, as a network may cut them: within a character, within a line. */
function pieces(bytes: Uint8Array, lengths: readonly number[]): Uint8Array[] {
  const cut: Uint8Array[] = [];
  for (let at = 0, index = 0; at < bytes.length; index += 1) {
    const length = 1 + (lengths[index % lengths.length] ?? bytes.length);
    cut.push(bytes.subarray(at, at + length));
    at += length;
  }
  return cut;
}

/** An endpoint whose first stream is these pieces, and which then refuses. */
function endpointOf(chunks: readonly Uint8Array[], fails = false): Partial<ConnectOptions> {
  let asked = 0;
  return {
    giveUpMillis: 1,
    fetch: async () => {
      asked += 1;
      if (asked > 1) return new Response(null, { status: 403 });
      const left = [...chunks];
      const body = new ReadableStream<Uint8Array>({
        pull: (controller) => {
          const chunk = left.shift();
          if (chunk) controller.enqueue(chunk);
          else if (fails) controller.error(new Error("reset"));
          else controller.close();
        },
      });
      return new Response(body, { headers: { "content-type": "text/event-stream" } });
    },
  };
}

/** What a reader gets until it is over, one way or the other. */
async function heard(
  options: Partial<ConnectOptions>,
): Promise<{ events: BusEvent[]; error: unknown; dropped: number; reason: string }> {
  const reader = connect("http://endpoint.example", options).subscribe("run");
  const got: BusEvent[] = [];
  let failure: unknown;
  try {
    for await (const event of reader) got.push(event);
  } catch (error) {
    failure = error;
  }
  const { reason } = await reader.ended;
  expect(reader.size).toBe(0);
  expect(await reader.next()).toEqual({ done: true, value: undefined });
  return { events: got, error: failure, dropped: reader.dropped, reason };
}

function hasLineEnd(bytes: Uint8Array): boolean {
  return bytes.includes(10) || bytes.includes(13);
}

const lengths = fc.array(fc.nat(40), { minLength: 1 });

describe("a stream of events", () => {
  it.each(seeds)("says the same however it is cut into pieces (seed %i)", async (seed) => {
    const property = fc.asyncProperty(fc.array(items), lengths, fc.boolean(), async (sent, cuts, hasMark) => {
      const text = `${hasMark ? "\uFEFF" : ""}${sent.map((item) => item.text).join("")}event: end\ndata: {"reason":"closed"}\n\n`;
      const { events: got, error, reason } = await heard(endpointOf(pieces(encoder.encode(text), cuts)));
      expect(error).toBeUndefined();
      expect(got).toEqual(sent.flatMap((item) => item.events));
      expect(reason).toBe("closed");
    });
    await fc.assert(property, { seed, numRuns: 150 });
  });

  it.each(seeds)("that is cut off gives what was whole, and nothing else (seed %i)", async (seed) => {
    const property = fc.asyncProperty(
      fc.array(items, { minLength: 1 }),
      fc.nat(),
      lengths,
      fc.boolean(),
      async (sent, at, cuts, fails) => {
        const whole = sent.map((item) => encoder.encode(item.text));
        const bytes = encoder.encode(sent.map((item) => item.text).join(""));
        const end = at % bytes.length;
        const { events: got, error, reason } = await heard(endpointOf(pieces(bytes.subarray(0, end), cuts), fails));
        let behind = 0;
        const safe = sent.flatMap((item, index) => {
          behind += whole[index]?.length ?? 0;
          // A CR may be half of a line end: it is looked at with the next one.
          const isTaken = item.text.endsWith("\r") ? hasLineEnd(bytes.subarray(behind, end)) : behind <= end;
          return isTaken ? item.events : [];
        });
        // One may be whole although its last line end is missing, or half of it.
        expect(sent.flatMap((item) => item.events).slice(0, got.length)).toEqual(got);
        expect(got.length - safe.length).toBeGreaterThanOrEqual(0);
        expect(got.length - safe.length).toBeLessThanOrEqual(1);
        expect(error).toBeInstanceOf(EndpointError);
        expect(reason).toBe("cut");
      },
    );
    await fc.assert(property, { seed, numRuns: 150 });
  });

  it.each(seeds)("that is damaged ends with a reason, and all it gave are events (seed %i)", async (seed) => {
    const damage = fc.record({
      at: fc.nat(),
      removed: fc.nat(20),
      added: fc.oneof(
        fc.uint8Array({ maxLength: 8 }),
        fc
          .constantFrom(
            "\n",
            "\n\n",
            "\r",
            "data:",
            "data: {}\n\n",
            "id: \0\n",
            "event: end\n",
            '"}',
            "\ud800",
            "\uFEFF",
            "[[[",
          )
          .map((text) => encoder.encode(text)),
      ),
    });
    const property = fc.asyncProperty(
      fc.array(fc.oneof(items, gaps), { minLength: 1 }),
      fc.array(damage, { maxLength: 4 }),
      lengths,
      async (sent, damages, cuts) => {
        let bytes: number[] = [...encoder.encode(sent.map((item) => item.text).join(""))];
        for (const { at, removed, added } of damages) {
          const from = at % (bytes.length + 1);
          bytes = [...bytes.slice(0, from), ...added, ...bytes.slice(from + removed)];
        }
        const { events: got, error, dropped, reason } = await heard(endpointOf(pieces(Uint8Array.from(bytes), cuts)));
        for (const { id, runId, type, time, data } of got) {
          expect([typeof id, typeof runId, typeof type, typeof time]).toEqual(["string", "string", "string", "number"]);
          expect(Object.isFrozen(data)).toBe(true);
        }
        expect(Number.isSafeInteger(dropped) && dropped >= 0).toBe(true);
        if (reason === "cut") expect(error).toBeInstanceOf(EndpointError);
        else expect([reason, error]).toEqual(["closed", undefined]);
      },
    );
    await fc.assert(property, { seed, numRuns: 250 });
  });

  it.each(["data: x", "data: x\n", ": x", "event: x", "id: 1", "unknown: x", "x", "\u2028", "\ud83d\ude00"])(
    "of %j without end is read for no more than ten megabytes",
    async (text) => {
      const chunk = encoder.encode(text.repeat(8192));
      let bytes = 0;
      const body = new ReadableStream<Uint8Array>({
        pull: (controller) => {
          bytes += chunk.length;
          controller.enqueue(chunk);
        },
      });
      let asked = 0;
      const { error, reason } = await heard({
        giveUpMillis: 1,
        fetch: async () => {
          asked += 1;
          if (asked > 1) return new Response(null, { status: 403 });
          return new Response(body, { headers: { "content-type": "text/event-stream" } });
        },
      });
      expect(reason).toBe("cut");
      expect(error).toBeInstanceOf(EndpointError);
      expect(bytes).toBeLessThan(10 * 1024 * 1024);
    },
  );

  it("that says how much was lost, and lies, leaves a number of lost events", async () => {
    const lies = ["9", -5, 1e300, 0.5, null, [1], { a: 1 }, true];
    const sent = [3, ...lies].map((missed) =>
      eventItem({ id: "g-1.3", runId: "run", type: "bus.gap", time: 1, data: { missed, reason: "lagged" } }, "\n"),
    );
    const { events: got, dropped } = await heard(endpointOf(sent.map(({ text }) => encoder.encode(text))));
    expect(got).toHaveLength(1 + lies.length);
    expect(dropped).toBe(3);
  });
});

describe("an answer in JSON", () => {
  const documents = fc.oneof(
    fc.json(),
    fc.string({ unit: "binary" }),
    fc
      .record({ runs: fc.jsonValue(), events: fc.jsonValue(), runSubscribers: fc.jsonValue() })
      .map((value) => JSON.stringify(value)),
  );

  it.each(seeds)("is what was asked for, or an EndpointError (seed %i)", async (seed) => {
    const property = fc.asyncProperty(documents, fc.constantFrom(200, 201, 299), async (text, status) => {
      const client = connect("http://endpoint.example", { fetch: async () => new Response(text, { status }) });
      const answers = await Promise.allSettled([client.runs(), client.history("run"), client.stats()]);
      for (const answer of answers) {
        if (answer.status === "rejected") expect(answer.reason).toBeInstanceOf(EndpointError);
        else expect(typeof answer.value).toBe("object");
      }
    });
    await fc.assert(property, { seed, numRuns: 250 });
  });

  it("that is small on the wire and huge behind it is read no further than allowed", async () => {
    const server = createServer((_, response) => {
      response.writeHead(200, { "content-type": "application/json", "content-encoding": "gzip" });
      const packed = createGzip();
      packed.pipe(response);
      const blanks = Buffer.alloc(1024 * 1024, " ");
      const more = (): void => {
        while (!response.destroyed && packed.write(blanks));
      };
      packed.on("drain", more);
      more();
    }).listen(0, "127.0.0.1");
    await new Promise((resolve) => server.once("listening", resolve));
    const { port } = server.address() as AddressInfo;
    await expect(connect(`http://127.0.0.1:${port}`).runs()).rejects.toThrow("more than 67108864 bytes");
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
});
