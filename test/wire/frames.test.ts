import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { EventBus } from "spanbus";
import { describe, expect, it } from "vitest";
import { Frames } from "../../src/wire/frames.js";
import { endFrame, eventFrame, sharedEndFrame } from "../../src/wire/sse.js";
import { taken } from "../bus/support.js";

const event = taken(new EventBus().publish({ runId: "r", type: "note", data: { text: "zażółć 🙂" } }));

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;
const MEGABYTE = 1024 * 1024;

/** Bytes of all buffers that are in use. */
async function bytesOfBuffers(): Promise<number> {
  for (let round = 0; round < 3; round += 1) {
    await new Promise((resolve) => setImmediate(resolve));
    collectGarbage();
  }
  return process.memoryUsage().arrayBuffers;
}

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

describe("the frames of an event in bytes", () => {
  it("are those of its text, with the id and without", () => {
    const frames = new Frames();
    expect(text(frames.of(event, { resumable: true }))).toBe(eventFrame(event));
    expect(text(frames.of(event, { resumable: false }))).toBe(eventFrame(event, { resumable: false }));
  });

  it("are made once for all who read it, with the id or without", () => {
    const frames = new Frames();
    const first = frames.of(event, { resumable: true });
    expect(frames.of(event, { resumable: true })).toBe(first);
    const anonymous = frames.of(event, { resumable: false });
    expect(anonymous.buffer).toBe(first.buffer);
    expect(frames.of(event, { resumable: false })).toBe(anonymous);
  });

  it("are joined once for all who send the same, and never for others", () => {
    const frames = new Frames();
    const of = (resumable: boolean) => frames.of(event, { resumable });
    const note = frames.text(": note\n\n");
    const first = frames.joined([of(true), note]);
    expect(text(first)).toBe(`${eventFrame(event)}: note\n\n`);
    expect(frames.joined([of(true), note])).toBe(first);
    expect(text(frames.joined([note, of(true)]))).toBe(`: note\n\n${eventFrame(event)}`);
    expect(text(frames.joined([of(true), note, note]))).toBe(`${text(first)}: note\n\n`);
    expect(frames.joined([note])).toBe(note);
  });

  it("are kept up to a bound, the newest of them, and made again when they are not", () => {
    const bus = new EventBus();
    const events = Array.from({ length: 100 }, (_, n) => taken(bus.publish({ runId: "r", type: "note", data: { n } })));
    const size = new Frames().of(taken(events.at(-1)), { resumable: true }).length;
    const frames = new Frames({ maxBytes: 10 * size });
    const first = events.map((each) => frames.of(each, { resumable: true }));
    const isKept = (n: number) => frames.of(taken(events[n]), { resumable: true }) === first[n];
    expect([99, 98, 97, 96, 95].map(isKept)).toEqual([true, true, true, true, true]);
    expect([88, 50, 0].map(isKept)).toEqual([false, false, false]);
    expect(text(frames.of(event, { resumable: true }))).toBe(eventFrame(event));
  });

  it("larger than the bound are not kept at all", () => {
    const frames = new Frames({ maxBytes: 10 });
    const first = frames.of(event, { resumable: true });
    expect(text(first)).toBe(eventFrame(event));
    expect(frames.of(event, { resumable: true })).not.toBe(first);
  });

  it("take no memory beyond the bound, however many events live", async () => {
    const bus = new EventBus({ historyPerRun: 2000, maxHistoryBytes: 64 * MEGABYTE });
    const frames = new Frames();
    for (let n = 0; n < 1500; n += 1) bus.publish({ runId: "r", type: "note", data: { n, text: "x".repeat(30_000) } });
    const before = await bytesOfBuffers();
    const events = bus.history("r");
    expect(events).toHaveLength(1500);
    for (const each of events) frames.of(each, { resumable: true });
    expect((await bytesOfBuffers()) - before).toBeLessThan(9 * MEGABYTE);
    const last = taken(events.at(-1));
    expect(frames.of(last, { resumable: true }), "the newest is shared").toBe(frames.of(last, { resumable: true }));
  });
});

describe("the end of a run", () => {
  it("names the run where several share a stream, and has no id there", () => {
    const end = { reason: "closed", outcome: "failed" } as const;
    expect(endFrame("g.5", end)).toBe('id: g.5\nevent: end\ndata: {"reason":"closed","outcome":"failed"}\n\n');
    expect(sharedEndFrame("r", end)).toBe('event: end\ndata: {"runId":"r","reason":"closed","outcome":"failed"}\n\n');
  });
});
