import {
  context,
  defaultTextMapGetter,
  defaultTextMapSetter,
  propagation,
  ROOT_CONTEXT,
  trace,
} from "@opentelemetry/api";
import { W3CBaggagePropagator } from "@opentelemetry/core";
import fc from "fast-check";
import { runContext } from "spanbus";
import type { Act } from "./acts.js";
import type { Call, Request } from "./model-run.js";
import { type Plot, plant, plots, prankPlots, runIds, small } from "./tricks.js";
import type { World } from "./world.js";

interface Piece {
  readonly spanId: string;
  readonly length: number;
  readonly plot: Plot | undefined;
}

const CHUNK = "agent.model.chunk";
const baggage = new W3CBaggagePropagator();

/** Binds a run; its id goes along with what is sent from there, if that is asked for, and only then. */
export function bindAnew(world: World, runId: string, act: () => void, propagate = false): void {
  const binding = world.model.bind(runId);
  const send = (): void => {
    const headers: Record<string, string> = {};
    baggage.inject(context.active(), headers, defaultTextMapSetter);
    world.same(headers, propagate ? { baggage: `spanbus.run.id=${runId}` } : {});
    if (propagate) world.sent.push(headers);
    world.bind(binding, act);
  };
  runContext(runId, send, { propagate });
}

/** What a model says, in pieces. */
export const chunks = fc
  .record({
    runId: runIds,
    how: fc.constantFrom("publishes", "publishes", "publishes", "emits", "has no span", "has no text"),
    pieces: fc.array(
      fc.record({
        spanId: fc.constantFrom("s1", "s1", "s1", "s2"),
        length: fc.constantFrom(0, 1, 2, 3, 1500, 2596, 4096),
        plot: plots,
      }),
      { minLength: 1, maxLength: 3 },
    ),
  })
  .map(
    ({ runId, how, pieces }): Act => ({
      says: `chunks(${runId} ${how} ${pieces.map((each) => `${each.spanId} ${each.length}${plotted(each.plot)}`)})`,
      perform(world) {
        for (const piece of pieces) performChunk(world, runId, how, piece);
      },
    }),
  );

function performChunk(world: World, runId: string, how: string, { spanId, length, plot }: Piece): void {
  const { model, bus } = world;
  const planted = plot && plant(world, plot);
  world.notes += 1;
  const text = how === "has no text" ? undefined : String(world.notes % 10).repeat(length);
  const data = { n: world.notes, ...(text !== undefined && { text }), ...(planted && { trick: planted.trick }) };
  const note = { type: CHUNK, data, trick: planted?.inModel };
  const ids = how === "has no span" ? {} : { spanId };
  const want = how === "emits" ? model.emit(note) : model.publish({ runId, ...note, ...ids });
  const got = how === "emits" ? bus.emit(CHUNK, data) : bus.publish({ runId, type: CHUNK, data, ...ids });
  world.sameItems(got ? [got] : [], want ? [want] : []);
}

export const flush = fc.constant<Act>({
  says: "forceFlush()",
  perform(world) {
    world.model.flush();
    void world.bus.forceFlush();
  },
});

/** A request comes in, with the run id of another process or with one that was sent from here. */
export function performRequest(world: World, back: number, act: () => void): void {
  const headers = (back > 5 && world.sent.at(-1 - (back % Math.max(1, world.sent.length)))) || {
    baggage: `spanbus.run.id=${back > 3 ? "g" : "f"}`,
  };
  const extracted = baggage.extract(ROOT_CONTEXT, headers, defaultTextMapGetter);
  const runId = propagation.getBaggage(extracted)?.getEntry("spanbus.run.id")?.value ?? "";
  world.requests += 1;
  const client = { traceId: hex(world.requests, 32), spanId: hex(world.requests, 16), traceFlags: 1, isRemote: true };
  const request: Request = { runId, spanId: client.spanId, trace: { open: 0, runs: new Set() } };
  context.with(trace.setSpanContext(extracted, client), () => world.enter({ request }, act));
}

/** A tool begins to work for a request. */
export const begin = prankPlots("tap").map(
  (plot): Act => ({
    says: `begin(${plotted(plot)})`,
    perform(world) {
      const { binding, request } = world.model.here;
      if (binding || !request) return;
      const call = callOf(world, plot);
      const attributes = { "gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "t", ...call.attributes };
      const span = world.tracer.startSpan("execute_tool t", { startTime: Date.now(), attributes });
      // Any public method looks at what has just begun.
      world.bus.runs();
      world.spans.push({ span, inModel: world.model.start(request, span.spanContext().spanId, call), call });
    },
  }),
);

export const end = fc.record({ back: small, plot: prankPlots("tap", "where") }).map(
  ({ back, plot }): Act => ({
    says: `end(${back} ${plotted(plot)})`,
    perform(world) {
      const [ended] = world.spans.splice(-1 - (back % Math.max(1, world.spans.length)), 1);
      if (!ended) return;
      const call = plot ? callOf(world, plot) : ended.call;
      if (ended.inModel) world.model.end(ended.inModel, call);
      else world.model.refuse("shutdown");
      ended.span.setAttributes(call.attributes);
      ended.span.end(Date.now());
    },
  }),
);

/** The id of the call is the number of the trick. */
function callOf(world: World, plot: Plot | undefined): Call {
  if (!plot) return { attributes: {}, data: {} };
  const { trick, inModel } = plant(world, plot);
  const id = String(trick);
  return { attributes: { "gen_ai.tool.call.id": id }, data: { toolCallId: id }, trick: inModel };
}

function plotted(plot: Plot | undefined): string {
  return plot ? ` ${plot.by} ${plot.how} ${plot.prank?.says ?? ""}` : "";
}

function hex(n: number, digits: number): string {
  return n.toString(16).padStart(digits, "a");
}
