import { context as contextApi, trace as traceApi } from "@opentelemetry/api";
import type { BusEvent, EventType } from "../bus/event.js";
import type { EventHub } from "../bus/event-hub.js";
import type { Run } from "../bus/run.js";
import { bindingOf } from "./binding.js";
import type { Chunks } from "./chunks.js";
import type { Keys, Place, Places } from "./places.js";
import type { RunLives } from "./run-life.js";
import type { RunResolver } from "./run-resolver.js";
import type { TraceTable } from "./trace-table.js";

interface Surroundings {
  readonly hub: EventHub;
  readonly chunks: Chunks;
  readonly resolver: RunResolver;
  readonly places: Places;
  readonly lives: RunLives;
  readonly traces: TraceTable;
}

/** Where the code that runs stands: in which run, and below which span. */
export class Here {
  readonly #hub: EventHub;
  readonly #chunks: Chunks;
  readonly #resolver: RunResolver;
  readonly #places: Places;
  readonly #lives: RunLives;
  readonly #traces: TraceTable;

  constructor({ hub, chunks, resolver, places, lives, traces }: Surroundings) {
    this.#hub = hub;
    this.#chunks = chunks;
    this.#resolver = resolver;
    this.#places = places;
    this.#lives = lives;
    this.#traces = traces;
  }

  /** The run id that a span started here would get. */
  currentRunId(): string | undefined {
    const { place, keys } = this.#here();
    return this.#places.runIdAt(place, keys);
  }

  /** The run that one begun here stands in. The trace of spans that are no events is no run. */
  runAround(): string | undefined {
    const { place, keys } = this.#here();
    const runId = this.#places.runIdAt(place, keys);
    return runId === undefined || (runId === place.traceId && !this.#hub.run(runId)?.known) ? undefined : runId;
  }

  /** Publishes under the current run, with the ids of the active span. */
  emit(type: EventType, data: object | undefined): BusEvent | undefined {
    const { place, keys } = this.#here();
    const run = this.#places.runAt(place, keys, always);
    if (run === undefined) return this.#hub.refuse("unkeyed");
    if (run === "sealed") return this.#hub.refuse("sealed");
    const event = this.#chunks.publish(run, { runId: run.id, type, data, ...place.ids });
    this.#lives.touched(run, this.#traces.trace(place.traceId));
    return event;
  }

  /** The generation that `publish` under this id goes to, when it is bound here. */
  bound(runId: string | undefined): Run | undefined | "unbound" {
    const binding = bindingOf(contextApi.active());
    return binding && binding.runId === runId ? this.#resolver.bound(binding) : "unbound";
  }

  /** The generation that is bound here, while it is still behind a sealed one. */
  next(runId: string): Run | undefined {
    const sealed = this.#hub.run(runId);
    if (sealed?.state !== "closed") return undefined;
    const bound = this.bound(runId);
    return bound === "unbound" || bound === sealed ? undefined : bound;
  }

  #here(): { place: Place; keys: Keys } {
    const active = contextApi.active();
    const binding = bindingOf(active);
    return {
      place: this.#places.at(traceApi.getSpanContext(active), binding),
      keys: { binding, accepted: this.#resolver.acceptedRunId(active) },
    };
  }
}

function always(): true {
  return true;
}
