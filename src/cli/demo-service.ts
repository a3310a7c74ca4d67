import { once } from "node:events";
import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { context, type Tracer } from "@opentelemetry/api";
import { createHandler } from "../http/index.js";
import { EventBus } from "../index.js";
import { observeEventBus } from "../metrics/index.js";
import {
  AsyncLocalStorageContextManager,
  BasicTracerProvider,
  getRequestListener,
  MeterProvider,
  PrometheusExporter,
} from "./demo-packages.js";
import { type Play, plays } from "./demo-plays.js";
import { Stage } from "./demo-stage.js";
import { isOwnHost } from "./own-host.js";

export interface DemoOptions {
  /** 0 for any free port. */
  readonly port: number;
  readonly speed: number;
}

export interface DemoService {
  /** With a slash at the end. */
  readonly url: string;
  stop(): Promise<void>;
}

/** Agents at work, watched as any service is: a bus in the tracer provider, its endpoint, its metrics. */
export async function startDemo({ port, speed }: DemoOptions): Promise<DemoService> {
  const bus = new EventBus();
  const tracerProvider = new BasicTracerProvider({ spanProcessors: [bus] });
  const exporter = new PrometheusExporter({ preventServerStart: true });
  const meterProvider = new MeterProvider({ readers: [exporter] });
  observeEventBus(bus, { meterProvider, agentMetrics: true });
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());

  // Only this machine reaches it, and what it shows is made up.
  const answer = getRequestListener(createHandler(bus, { authorize: () => true }));
  const server = createServer((request, response) => {
    if (!isOwnHost(request.headers.host)) misdirected(response);
    else if (request.url === "/metrics") exporter.getMetricsRequestHandler(request, response);
    else void answer(request, response);
  });
  server.listen(port, "127.0.0.1");
  await once(server, "listening");

  const stop = new AbortController();
  const agents = putOn(bus, tracerProvider.getTracer("spanbus-demo"), { speed, signal: stop.signal });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    stop: async () => {
      stop.abort();
      await agents;
      await tracerProvider.shutdown();
      await meterProvider.shutdown();
      await closed(server);
      context.disable();
    },
  };
}

function misdirected(response: ServerResponse): void {
  response.writeHead(421, { "Content-Type": "text/plain; charset=utf-8" });
  response.end("the host must be 127.0.0.1, localhost or [::1]\n");
}

interface Pace {
  readonly speed: number;
  readonly signal: AbortSignal;
}

/** Every play again and again, all of them side by side. */
async function putOn(bus: EventBus, tracer: Tracer, pace: Pace): Promise<void> {
  await Promise.all(plays.map((play, index) => repeat(bus, play, new Stage(tracer, pace), index)));
}

async function repeat(bus: EventBus, play: Play, stage: Stage, index: number): Promise<void> {
  // Not all at the same moment.
  await stage.pause(index * 0.7);
  for (let round = 1; !stage.isOver; round += 1) {
    // A run that fails is part of the play: the bus has seen it.
    await bus.run(`${play.name}-${round}`, () => play.perform(stage, round)).catch(() => undefined);
    await stage.pause(play.pauseSeconds);
  }
}

async function closed(server: Server): Promise<void> {
  server.close();
  server.closeAllConnections();
  await once(server, "close");
}
