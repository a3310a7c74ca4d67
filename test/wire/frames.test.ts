import { EventBus } from "spanbus";
import { describe, expect, it } from "vitest";
import { Frames } from "../../src/wire/frames.js";
import { endFrame, eventFrame, sharedEndFrame } from "../../src/wire/sse.js";
import { taken } from "../bus/support.js";

const event = taken(new EventBus().publish({ runId: "r", type: "note", data: { text: "zażółć 🙂" } }));
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
    expect(frames.of(event, { resumable: false }).buffer).toBe(first.buffer);
  });
});

describe("the end of a run", () => {
  it("names the run where several share a stream, and has no id there", () => {
    const end = { reason: "closed", outcome: "failed" } as const;
    expect(endFrame("g.5", end)).toBe('id: g.5\nevent: end\ndata: {"reason":"closed","outcome":"failed"}\n\n');
    expect(sharedEndFrame("r", end)).toBe('event: end\ndata: {"runId":"r","reason":"closed","outcome":"failed"}\n\n');
  });
});
