import { trace } from "@opentelemetry/api";
import { expect, test } from "vitest";
import { fixture, loadRecording, recordings, replay } from "./replay.js";
import type { ReplayedSpan } from "./replayed-span.js";

const silent = { onStart(): void {}, onEnd(): void {} };

test.each(recordings)(
  "%s: every callback comes, in the recorded order, and every span ends as recorded",
  async (path) => {
    const recording = loadRecording(path);
    const seen: string[] = [];
    await replay(path, {
      onStart(span: ReplayedSpan) {
        const { start } = recording.spans.get(span.spanContext().spanId) ?? {};
        expect(span.attributes).toEqual(start?.attributes);
        seen.push(`start ${span.spanContext().spanId}`);
      },
      onEnd(span: ReplayedSpan) {
        const { end } = recording.spans.get(span.spanContext().spanId) ?? {};
        expect(span.attributes).toEqual(end?.attributes);
        expect(span).toMatchObject({ name: end?.name, ended: true, endTime: end?.endTime });
        expect(span.events).toHaveLength(end?.events.length ?? 0);
        seen.push(`end ${span.spanContext().spanId}`);
      },
      onEmit(record: { eventName?: string }) {
        seen.push(`log ${record.eventName}`);
      },
    });
    const expected = recording.lines.flatMap((line) => {
      if (line.type === "start" || line.type === "end") return [`${line.type} ${line.spanId}`];
      return line.type === "log" ? [`log ${line.eventName ?? undefined}`] : [];
    });
    expect(seen).toEqual(expected);
  },
);

test("a promise job of onStart runs when the synchronous run is over: after the attributes, before the next turn", async () => {
  const attributesThen: number[] = [];
  await replay(fixture("openinference-instrumentation-openai"), {
    ...silent,
    onStart(span: ReplayedSpan) {
      const atStart = Object.keys(span.attributes).length;
      void Promise.resolve().then(() => attributesThen.push(Object.keys(span.attributes).length - atStart));
    },
  });
  expect(attributesThen).toHaveLength(15);
  expect(Math.min(...attributesThen)).toBeGreaterThan(0);
});

test("a span may end before the promise job of its start", async () => {
  let early = 0;
  await replay(fixture("langfuse-tracing"), {
    ...silent,
    onStart(span: ReplayedSpan) {
      void Promise.resolve().then(() => {
        if (span.ended) early += 1;
      });
    },
  });
  expect(early).toBe(8);
});

test("a processor may put its own methods in front of a span's", async () => {
  const added: string[] = [];
  const set = new Set<string>();
  await replay(fixture("vercel-ai-sdk-v6"), {
    ...silent,
    onStart(span: ReplayedSpan) {
      const { addEvent, setAttribute } = span;
      span.addEvent = function (name, ...rest) {
        added.push(name);
        return addEvent.call(this, name, ...rest);
      };
      span.setAttribute = function (key, value) {
        set.add(key);
        return setAttribute.call(this, key, value);
      };
    },
  });
  expect(new Set(added)).toEqual(new Set(["ai.stream.firstChunk", "ai.stream.finish", "exception"]));
  expect(set).toContain("ai.usage.inputTokens");
});

test("a span starts in the context of its parent, a log comes in that of its span", async () => {
  let children = 0;
  await replay(fixture("genkit"), {
    ...silent,
    onStart(span: ReplayedSpan, context) {
      expect(trace.getSpanContext(context)?.spanId).toBe(span.parentSpanContext?.spanId);
      if (span.parentSpanContext !== undefined) children += 1;
    },
  });
  expect(children).toBe(16);
  let logs = 0;
  await replay(fixture("synthetic-otel-genai-semconv"), {
    ...silent,
    onEmit(record: { spanContext?: { spanId: string } }, context) {
      expect(context && trace.getSpanContext(context)?.spanId).toBe(record.spanContext?.spanId);
      logs += 1;
    },
  });
  expect(logs).toBe(6);
});
