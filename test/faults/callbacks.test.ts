import { EventEmitter, once } from "node:events";
import { BasicTracerProvider, type SpanProcessor } from "@opentelemetry/sdk-trace-base";
import { type BusEvent, EventBus, type EventBusOptions } from "spanbus";
import { createHandler } from "spanbus/http";
import { describe, expect, it } from "vitest";
import { publishNote, publishNotes, readToEnd, shown } from "../bus/support.js";
import { Client, closeAfterEach, inAWord, serve } from "../http/support.js";
import { Service, withContextManager } from "../otel/support.js";

withContextManager();
closeAfterEach();

const turn = () => new Promise((resolve) => setTimeout(resolve, 0));
const rejects = () => Promise.reject(new Error("later")) as unknown;
const hangs = () => new Promise(() => undefined) as unknown;
/** As libraries have them: a promise by shape only. */
function thenable(): unknown {
  const refuse = (_: unknown, refused?: (error: unknown) => void): void => refused?.(new Error("later"));
  // biome-ignore lint/suspicious/noThenProperty: that it has one is the point
  return { then: refuse };
}

// An unhandled rejection ends the process of an application; here it fails the test.
describe.each([
  ["fails later", rejects],
  ["never answers", hangs],
  ["fails later, in a promise by shape only", thenable],
])("a callback that should be synchronous and %s", (_, answer) => {
  it.each<[string, EventBusOptions]>([
    ["redact", { redact: answer as never }],
    ["runId", { runId: answer as never }],
    ["include", { include: answer as never }],
  ])("as `%s` is counted and harms nobody", async (_name, options) => {
    const service = new Service(options);
    const agent = service.agent("a");
    service.plain("query", { under: agent }).end();
    agent.end();
    await turn();
    expect(service.bus.stats().errors).toBeGreaterThan(0);
    expect(service.bus.stats()).toMatchObject({ openSpans: 0, activeRuns: 0 });
  });

  it("as `where` hides from its reader, and others read on", async () => {
    const bus = new EventBus();
    publishNote(bus, "run", 1);
    const hidden = bus.subscribe("run", { where: answer as never });
    const reader = bus.subscribe("run");
    publishNote(bus, "run", 2);
    bus.closeStream("run");
    expect(await readToEnd(hidden)).toEqual([]);
    expect(shown(await readToEnd(reader))).toEqual([1, 2]);
    await turn();
    expect(bus.stats().errors).toBe(2);
  });

  it("as a tap is not waited for", async () => {
    const bus = new EventBus();
    bus.tap(answer as never);
    bus.tap({ opened: answer as never, closed: answer as never });
    const reader = bus.subscribe("run");
    publishNotes(bus, "run", 1, 3);
    bus.closeStream("run");
    expect(shown(await readToEnd(reader))).toEqual([1, 2, 3]);
    await turn();
  });

  it("as `onError`, or a filter, of an endpoint changes no answer", async () => {
    const bus = new EventBus();
    publishNote(bus, "run", 1);
    const handler = createHandler(bus, {
      authorize: () => ({ where: answer as never, runs: answer as never }),
      onError: answer as never,
    });
    const ask = async (path: string) => (await handler(new Request(`http://localhost${path}`))).status;
    expect(await ask("/runs")).toBe(200);
    expect(await ask("/runs/run")).toBe(404);
    await turn();
  });
});

describe("`authorize`", () => {
  it("that never answers lets nothing be read, and holds up nobody else", async () => {
    const bus = new EventBus();
    publishNotes(bus, "run", 1, 2);
    const url = await serve(bus, {
      authorize: (request) => (request.headers.has("x-hangs") ? (hangs() as never) : true),
    });
    const gone = new AbortController();
    const paths = ["/runs", "/runs/run", "/runs/run/events", "/events", "/stats"];
    const waiting = paths.map((path) => fetch(url + path, { headers: { "x-hangs": "1" }, signal: gone.signal }));
    expect((await fetch(`${url}/runs/run`)).status).toBe(200);
    publishNote(bus, "run", 3);
    expect(bus.stats()).toMatchObject({ runSubscribers: 0, globalSubscribers: 0, errors: 0 });
    gone.abort();
    expect((await Promise.allSettled(waiting)).map(({ status }) => status)).toEqual(paths.map(() => "rejected"));
    expect((await fetch(`${url}/runs/run`)).status).toBe(200);
    expect(bus.stats()).toMatchObject({ runSubscribers: 0, globalSubscribers: 0 });
  });

  it("that takes its time gives all that is there when it answers, to whom is still there", async () => {
    const bus = new EventBus();
    publishNote(bus, "run", 1);
    const desk = new EventEmitter();
    const authorize = async (): Promise<true> => {
      desk.emit("asked");
      await once(desk, "permitted");
      return true;
    };
    const url = await serve(bus, { authorize });
    const asked = once(desk, "asked");
    const opening = Client.open(`${url}/runs/run/events`);
    await asked;
    publishNote(bus, "run", 2);
    bus.closeStream("run", "completed");
    desk.emit("permitted");
    const client = await opening;
    expect((await client.toEnd()).map(inAWord)).toEqual([1, 2, "caught-up", "end"]);
  });
});

describe("a slow tap", () => {
  it("costs its publisher what it costs, and order, pairs and readers are as without it", async () => {
    const service = new Service();
    service.bus.tap(() => {
      const end = performance.now() + 20;
      while (performance.now() < end);
    });
    const agent = service.agent("a");
    const reader = service.bus.subscribe(agent.spanContext().traceId);
    service.tool("t", { under: agent }).end();
    agent.end();
    expect((await readToEnd(reader)).map(({ type }) => type)).toEqual(service.types(agent));
    expect(service.bus.stats()).toMatchObject({ openSpans: 0, errors: 0, dropped: 0 });
  });
});

describe("a provider that is shut down while a span is told of", () => {
  const moments = ["onStart", "onEnd"] as const;

  it.each(moments)("by a processor behind the bus, in its %s, ends every stream once", async (moment) => {
    const ended: Promise<unknown>[] = [];
    let provider: BasicTracerProvider | undefined;
    const exporter: SpanProcessor = {
      onStart: () => moment === "onStart" && ended.push(provider?.shutdown() ?? Promise.reject(), bus.shutdown()),
      onEnd: () => moment === "onEnd" && ended.push(provider?.shutdown() ?? Promise.reject(), bus.shutdown()),
      forceFlush: async () => undefined,
      shutdown: async () => undefined,
    } as SpanProcessor;
    const bus = new EventBus();
    provider = new BasicTracerProvider({ spanProcessors: [bus, exporter] });
    const tracer = provider.getTracer("app");
    const reader = bus.subscribe("run");
    const all = readToEnd(bus.subscribeGlobal());
    publishNote(bus, "run", 1);
    const attributes = { "gen_ai.operation.name": "invoke_agent" };
    const agent = tracer.startSpan("invoke_agent", { attributes });
    agent.end();
    tracer.startSpan("invoke_agent", { attributes }).end();
    await Promise.all(ended);
    expect(shown(await readToEnd(reader))).toEqual([1]);
    expect(await reader.ended).toMatchObject({ reason: "shutdown" });
    const types = (await all).map(({ type }) => String(type)).filter((type) => type.startsWith("agent.invocation"));
    expect(types).toHaveLength(2);
    expect(bus.stats()).toMatchObject({ openSpans: 0, runSubscribers: 0, globalSubscribers: 0, errors: 0 });
  });

  it.each<[string, (bus: EventBus) => EventBusOptions | undefined]>([
    ["redact", () => ({ redact: (draft) => draft })],
    ["where", () => undefined],
  ])("by `%s` ends every stream once, and refuses the event that was on its way or gives it", async (name) => {
    let bus: EventBus | undefined;
    const shutDown = (): void => void bus?.shutdown();
    const options: EventBusOptions =
      name === "redact"
        ? {
            redact: (draft) => {
              shutDown();
              return draft;
            },
          }
        : {};
    bus = new EventBus(options);
    const where = (): boolean => {
      shutDown();
      return true;
    };
    const reader = bus.subscribe("run", name === "where" ? { where } : {});
    const other = bus.subscribe("run");
    const event: BusEvent | undefined = bus.publish({ runId: "run", type: "note", data: { n: 1 } });
    const expected = event ? [1] : [];
    expect(shown(await readToEnd(reader))).toEqual(expected);
    expect(shown(await readToEnd(other))).toEqual(expected);
    expect(bus.stats()).toMatchObject({ published: expected.length, runSubscribers: 0 });
    expect(bus.publish({ runId: "run", type: "note" })).toBeUndefined();
  });
});
