import { copyData, MAX_EVENT_BYTES } from "../bus/bounded-json.js";
import { Deadline } from "../bus/deadlines.js";
import type { BusEvent, EventInput } from "../bus/event.js";
import type { EventHub } from "../bus/event-hub.js";
import type { Run } from "../bus/run.js";

const WINDOW_MILLIS = 50;
const MAX_LENGTH = 4096;
/** Joined at once, in bytes of JSON. What an event holds besides its data is far within the rest. */
const MAX_BYTES = MAX_EVENT_BYTES - 4096;
/** Waiting at once, over all runs, in bytes of JSON; and what each that waits counts for besides. */
const MAX_SIZE = 4_000_000;
const PENDING_SIZE = 200;
export const CHUNK = "agent.model.chunk";

/** How an event is published. */
export interface ChunkOptions {
  /** Default true. */
  readonly counted?: boolean;
  /** Its data is nobody else's. Default false. */
  readonly owned?: boolean;
  /** It had a text that is not to be told: it is joined all the same. Default false. */
  readonly withheld?: boolean;
}

/** What one chunk says. */
interface Said {
  readonly data: Readonly<Record<string, unknown>>;
  readonly attributes: Readonly<Record<string, unknown>> | undefined;
  readonly text: string;
  /** Of data and attributes. */
  readonly bytes: number;
}

interface Pending {
  readonly input: EventInput;
  data: Readonly<Record<string, unknown>>;
  attributes: Readonly<Record<string, unknown>> | undefined;
  text: string;
  bytes: number;
  chunks: number;
  readonly deadline: Deadline;
}

/** Joins the chunks of one span that come within 50 ms or 4 096 characters into one event. */
export class Chunks {
  readonly #hub: EventHub;
  readonly #pending = new Map<Run, Map<string, Pending>>();
  #size = 0;

  constructor(hub: EventHub) {
    this.#hub = hub;
  }

  /**
   * Publishes the event, in order behind the chunks that wait. A chunk may wait itself: then it has no event yet. The first
   * event of a run never waits.
   */
  publish(run: Run, input: EventInput, options: ChunkOptions = {}): BusEvent | undefined {
    const { counted = true, owned = false, withheld = false } = options;
    // Refused there, and a run that was only about to begin is forgotten.
    if (this.#hub.isDeciding) return this.#hub.append(run, input, counted);
    if (run.known && isOpen(run) && input.type === CHUNK && input.spanId !== undefined) {
      const { value: data, bytes } = copyData(input.data, MAX_EVENT_BYTES, run.texts, false);
      const text = withheld ? "" : data["text"];
      if (typeof text === "string") {
        const carried = input.attributes && copyData(input.attributes, MAX_EVENT_BYTES, run.texts, false);
        const said = { data, attributes: carried?.value, text, bytes: bytes + (carried?.bytes ?? 0) };
        this.#makeRoom(run, input.spanId, said);
        // Unless who heard of what waited has closed the run.
        if (isOpen(run)) return this.#add(run, input.spanId, input, said);
      }
    }
    this.flush(run);
    return this.#hub.append(run, input, counted, owned);
  }

  /** Publishes what waits, of one run or of all. */
  flush(run?: Run): void {
    // While a callback decides nothing is taken: it waits for its time.
    if (this.#pending.size === 0 || this.#hub.isDeciding) return;
    if (run === undefined) {
      for (const each of [...this.#pending.keys()]) this.flush(each);
      return;
    }
    const pending = this.#pending.get(run);
    if (!pending) return;
    this.#pending.delete(run);
    for (const each of pending.values()) this.#publish(run, each);
  }

  /** Joined they must fit into one event as each did alone. Who hears of that event may say more meanwhile. */
  #makeRoom(run: Run, spanId: string, { text, bytes }: Said): void {
    const isTooMuch = (waiting: Pending): boolean =>
      waiting.text.length + text.length > MAX_LENGTH || waiting.bytes + bytes > MAX_BYTES;
    let pending = this.#waiting(run, spanId);
    for (; pending && isTooMuch(pending); pending = this.#waiting(run, spanId)) this.#publishNow(run, spanId, pending);
  }

  #add(run: Run, spanId: string, input: EventInput, { data, attributes, text, bytes }: Said): undefined {
    const pending = this.#waiting(run, spanId) ?? this.#begin(run, spanId, input);
    pending.text += text;
    // What the latest says besides holds for all.
    pending.data = { ...pending.data, ...data };
    if (attributes) pending.attributes = { ...pending.attributes, ...attributes };
    pending.chunks += 1;
    pending.bytes += bytes;
    this.#size += bytes;
    if (pending.text.length >= MAX_LENGTH) this.#publishNow(run, spanId, pending);
    else if (this.#size > MAX_SIZE) this.flush();
  }

  #waiting(run: Run, spanId: string): Pending | undefined {
    return this.#pending.get(run)?.get(spanId);
  }

  #begin(run: Run, spanId: string, input: EventInput): Pending {
    const deadline = new Deadline(() => this.flush(run));
    const { runId, type, time = Date.now(), traceId, parentSpanId } = input;
    const begun = { runId, type, time, traceId, spanId, parentSpanId };
    const pending = { input: begun, data: {}, attributes: undefined, text: "", bytes: 0, chunks: 0, deadline };
    const ofRun = this.#pending.get(run) ?? new Map<string, Pending>();
    this.#pending.set(run, ofRun.set(spanId, pending));
    this.#size += PENDING_SIZE;
    this.#hub.deadlines.set(deadline, this.#hub.deadlines.now() + WINDOW_MILLIS);
    return pending;
  }

  #publishNow(run: Run, spanId: string, pending: Pending): void {
    const ofRun = this.#pending.get(run);
    ofRun?.delete(spanId);
    if (ofRun?.size === 0) this.#pending.delete(run);
    this.#publish(run, pending);
  }

  #publish(run: Run, { input, data, attributes, text, bytes, chunks, deadline }: Pending): void {
    this.#hub.deadlines.clear(deadline);
    this.#size -= PENDING_SIZE + bytes;
    const said = text !== "" || "text" in data ? { text } : undefined;
    this.#hub.append(run, { ...input, data: { ...data, ...said, chunks }, attributes });
  }
}

function isOpen({ state }: Run): boolean {
  return state === "open";
}
