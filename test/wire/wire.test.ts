import { type BusEvent, EventBus } from "spanbus";
import { describe, expect, it } from "vitest";
import { decodeEvent, encodeEvent } from "../../src/wire/event-json.js";
import { caughtUpFrame, endFrame, eventFrame, heartbeatFrame } from "../../src/wire/sse.js";

function published(data: object): BusEvent {
  const event = new EventBus().publish({ runId: "run", type: "note", time: 5, data });
  if (!event) throw new Error("the event was refused");
  return event;
}

describe("JSON of an event", () => {
  it("gives back the event it was made from, deeply frozen", () => {
    const event = published({ text: 'a\u2028b\n"c"', list: [1, { two: 2 }], lone: "\ud800" });
    const back = decodeEvent(encodeEvent(event));
    expect(back).toEqual(event);
    expect(Object.isFrozen(back)).toBe(true);
    expect(Object.isFrozen((back.data as unknown as { list: object[] }).list[1])).toBe(true);
  });

  it.each([
    ["[]", "an event must be a JSON object"],
    ["{}", "`id` of an event must be a string, got undefined"],
    ['{"id":"a.1","runId":"r","type":"t","time":"now","data":{}}', '`time` of an event must be a number, got "now"'],
    ['{"id":"a.1","runId":"r","type":"t","time":1,"data":[]}', "`data` of an event must be an object, got []"],
  ])("refuses %s and says why", (text, message) => {
    expect(() => decodeEvent(text)).toThrow(message);
  });

  it("refuses what is no JSON", () => {
    expect(() => decodeEvent('{"id":')).toThrow(SyntaxError);
  });
});

describe("server-sent events", () => {
  it("carry the event id, one line of JSON, and no event name", () => {
    const event = published({ text: "line one\nline two" });
    const [id, data, ...rest] = eventFrame(event).split("\n");
    expect(id).toBe(`id: ${event.id}`);
    expect(decodeEvent(data?.slice("data: ".length) ?? "")).toEqual(event);
    expect(rest).toEqual(["", ""]);
  });

  it("carry no id where several runs share the stream", () => {
    expect(eventFrame(published({}), { resumable: false })).toMatch(/^data: \{.*\}\n\n$/);
  });

  it("tell the end of replay, the end of the run, and that they are alive", () => {
    expect(caughtUpFrame).toBe("event: caught-up\ndata: {}\n\n");
    expect(endFrame("gen.7", { reason: "closed", outcome: "completed" })).toBe(
      'id: gen.7\nevent: end\ndata: {"reason":"closed","outcome":"completed"}\n\n',
    );
    expect(heartbeatFrame.startsWith(":")).toBe(true);
  });
});
