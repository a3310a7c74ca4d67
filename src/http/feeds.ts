import { parseCursor } from "../bus/cursor.js";
import type { SubscriptionEnd } from "../bus/event.js";
import type { SubscribeOptions } from "../bus/hub-options.js";
import type { RunStanding } from "../bus/run.js";
import { Frames } from "../wire/frames.js";
import { endFrame, sharedEndFrame } from "../wire/sse.js";
import type { Grant } from "./authorize.js";
import { Connections, unavailable } from "./connections.js";
import { unknownRun } from "./documents.js";
import { type BodyOptions, EventBody, type Source } from "./event-body.js";
import { Heartbeats } from "./heartbeats.js";
import type { HandlerSettings } from "./options.js";
import { cursorOf, refuseCursor, typesOf, waitOf } from "./query.js";
import type { Eventually, ReadableBus } from "./readable-bus.js";

/** A request for a stream. */
export interface Call {
  readonly request: Request;
  readonly url: URL;
  /** Aborts when the client is gone, where nothing else tells it. */
  readonly signal: AbortSignal | undefined;
}

/** A run of a stream, and what of it may be read. */
export interface GrantedRun {
  readonly runId: string;
  readonly grant: Grant;
}

/** Nothing on the way shall collect events, be it to send more at once or to compress them. */
const streamHeaders = {
  "Content-Type": "text/event-stream",
  "Cache-Control": "no-store, no-transform",
  "X-Accel-Buffering": "no",
} as const;

/** Streams of events. */
export class Feeds {
  readonly #bus: ReadableBus;
  readonly #connections: Connections;
  readonly #heartbeats: Heartbeats;
  readonly #frames = new Frames();

  constructor(bus: ReadableBus, { heartbeatMillis, maxConnections }: HandlerSettings) {
    this.#bus = bus;
    this.#heartbeats = new Heartbeats(heartbeatMillis);
    this.#connections = new Connections(maxConnections);
  }

  /** One run: history, live, its end. Resumable. */
  async run(call: Call, { runId, grant }: GrantedRun): Promise<Response | EventBody> {
    const { request, url } = call;
    const after = cursorOf(request, url);
    const options = { after, ...reading(call, grant) };
    const wait = waitOf(url);
    const end = await this.#endAt(runId, after);
    if (end) return nothingMore(end);
    const state = await this.#mustGoOn(runId, wait);
    const headers = { ...streamHeaders, "spanbus-state": state };
    return this.#stream(request, [() => this.#runSource(runId, options)], { resumable: true, headers });
  }

  /** Several runs over one connection: history of each, live, the end of each. */
  async several(call: Call, runs: readonly GrantedRun[]): Promise<Response | EventBody> {
    const { request, url } = call;
    refuseCursor(request, url);
    const wait = waitOf(url);
    for (const { runId } of runs) await this.#mustGoOn(runId, wait);
    const sources = runs.map(({ runId, grant }) => {
      const options = reading(call, grant);
      return (): Source => ({
        events: this.#bus.subscribe(runId, options),
        endFrame: (end) => (isOver(end) ? sharedEndFrame(runId, end) : undefined),
      });
    });
    return this.#stream(request, sources, { resumable: false, headers: streamHeaders });
  }

  /** Every run, live. */
  global(call: Call, grant: Grant): Response | EventBody {
    const { request, url } = call;
    refuseCursor(request, url);
    const options = reading(call, grant);
    this.#mustBeUp();
    const source = (): Source => ({ events: this.#bus.subscribeGlobal(options), endFrame: () => undefined });
    return this.#stream(request, [source], { resumable: false, headers: streamHeaders });
  }

  #runSource(runId: string, options: SubscribeOptions): Source {
    const events = this.#bus.subscribe(runId, options);
    // When the run ends a newer one may be under way. What attaches later knows its end, else this is the one that is read.
    const generation = events.attached ? undefined : generationOf(this.#bus.standing(runId));
    return {
      events,
      endFrame: async (end) => {
        if (!isOver(end)) return undefined;
        const lastId = events.endId ?? (await this.#bus.standing(runId, await generation))?.lastId;
        return lastId === undefined ? undefined : endFrame(lastId, end);
      },
    };
  }

  /** How a run ended, if the cursor is at the end of a generation of it that is over. Shutdown ends none: it cuts. */
  async #endAt(runId: string, after: string | undefined): Promise<SubscriptionEnd | undefined> {
    if (after === undefined) return undefined;
    const { lastId, end } = (await this.#bus.standing(runId, parseCursor(after)?.generation)) ?? {};
    return lastId === after && end && isOver(end) ? end : undefined;
  }

  /** A run that was closed can be read to its end for ever, any other has none once the bus is shut down. */
  async #mustGoOn(runId: string, wait: boolean): Promise<RunStanding["state"]> {
    const { state = "awaited", end } = (await this.#bus.standing(runId)) ?? {};
    if (!wait && state === "awaited") throw unknownRun(runId);
    if (end?.reason !== "closed") this.#mustBeUp();
    return state;
  }

  #mustBeUp(): void {
    if (this.#bus.isShutdown) throw unavailable("the bus is shut down");
  }

  /** A `HEAD` attaches nothing. */
  #stream(
    { method }: Request,
    attach: readonly (() => Source)[],
    head: Pick<BodyOptions, "resumable" | "headers">,
  ): Response | EventBody {
    if (method === "HEAD") return new Response(null, { headers: head.headers });
    const sources = this.#connections.open(attach);
    return new EventBody(sources, { frames: this.#frames, heartbeats: this.#heartbeats, ...head });
  }
}

function reading({ url, signal }: Call, { where }: Grant): SubscribeOptions {
  return { types: typesOf(url), where, signal };
}

/** Of a run that stands so, or does once that is known; none where it cannot be. */
function generationOf(standing: Eventually<RunStanding | undefined>): Eventually<string | undefined> {
  if (!standing || !("then" in standing)) return standing?.generation;
  return standing.then((known) => known?.generation).catch(() => undefined);
}

function nothingMore({ reason, outcome = "unknown" }: SubscriptionEnd): Response {
  return new Response(null, { status: 204, headers: { "spanbus-outcome": outcome, "spanbus-reason": reason } });
}

/** The run is over, as far as anybody knows; a reader that ended otherwise may come back. */
function isOver({ reason }: SubscriptionEnd): boolean {
  return reason === "closed" || reason === "producer-lost";
}
