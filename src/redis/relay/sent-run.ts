import type { BusEvent } from "../../bus/event.js";
import type { RunInfo } from "../../bus/run.js";
import type { RunKeys } from "../keys.js";
import { totalsLine } from "../totals.js";
import type { Outbox, Outgoing, OutgoingQueue } from "./outbox.js";

const MAX_LINES = 128;
const MAX_BYTES = 64 * 1024;

/** What is sent at once: sent again, it is the same. */
export interface Batch {
  readonly number: number;
  readonly generation: string;
  readonly args: readonly string[];
  /** It is for this process to say when the run is over. */
  readonly owned: boolean;
  /** Events in it, and events whose loss it tells. */
  readonly events: number;
  readonly losses: number;
  readonly ends: boolean;
  /** When the oldest of it came to the outbox; infinite for a batch that only says that the producer lives. */
  readonly at: number;
}

/** What was taken from the outbox for one batch. */
interface Load {
  readonly lines: readonly string[];
  readonly events: readonly BusEvent[];
  /** Events whose loss the lines tell. */
  readonly losses: number;
  readonly at: number;
  /** The run as it was when it ended, if that is in it. */
  readonly closed: RunInfo | undefined;
}

/** What every batch of a relay says. */
export interface Sender {
  readonly relay: string;
  readonly historyPerRun: number;
  readonly retentionMillis: number;
  readonly leaseMillis: number;
  nextEpoch(): string;
  /** Grows over all runs: a run that was forgotten and comes again shall not be taken for one that is sent again. */
  nextBatch(): number;
}

/** A run on its way to Redis: one batch at a time, so that its order is kept. */
export class SentRun implements OutgoingQueue {
  readonly runId: string;
  readonly keys: RunKeys;
  first: Outgoing | undefined;
  last: Outgoing | undefined;
  /** What is being sent, or is to be sent again. */
  batch: Batch | undefined;
  isSending = false;
  /** The local run is open: its lease is to be renewed. */
  isOpen = false;
  parentRunId: string | undefined;
  /** When Redis last took something of it, and when it was put to the front of the list; monotonic. */
  sentAt = 0;
  touchedAt = Number.NEGATIVE_INFINITY;
  /** The generation of the local bus that was sent last, and the epoch it became; none before Redis answered. */
  #generation: string | undefined;
  #epoch = "";
  #seq = 0;
  /** Number of the last batch of this generation that Redis took. */
  #acknowledged = 0;
  /** As far as the answers say, nobody else writes this run. */
  #isAlone = true;
  /** A generation that Redis has sealed. */
  sealed: string | undefined;

  constructor(runId: string, keys: RunKeys) {
    this.runId = runId;
    this.keys = keys;
  }

  /** Redis has heard of it. */
  get isKnown(): boolean {
    return this.#epoch !== "";
  }

  /**
   * Takes what goes together from the outbox; with nothing there only says that the producer lives. `info` is what the local
   * bus says of the run.
   */
  fill(outbox: Outbox, sender: Sender, info: RunInfo | undefined, isLeft = false): Batch {
    const generation = this.first?.generation ?? this.#generation ?? "";
    if (generation !== this.#generation) {
      this.#generation = generation;
      this.unbind();
    }
    const { lines, events, losses, at, closed } = this.#take(outbox, generation);
    const said = closed ?? (info?.generation === generation ? info : undefined);
    // Only the process whose run it is says how it ended; for another it ended here.
    const leaves = closed ? !closed.owned || closed.outcome === "detached" : isLeft && !this.first;
    const outcome = closed && !leaves ? (closed.outcome ?? "unknown") : undefined;
    const number = sender.nextBatch();
    const { relay, historyPerRun, retentionMillis, leaseMillis } = sender;
    const owned = said?.owned ?? false;
    const { agentName, conversationId, parentRunId = this.parentRunId } = said ?? {};
    const traces = new Set(events.map(({ traceId }) => traceId).filter((traceId) => traceId !== undefined));
    // One literal: pieces that are spread into it are slow to put together, and to collect. What is undefined is left out.
    const head = JSON.stringify({
      relay,
      historyPerRun,
      retentionMillis,
      leaseMillis,
      channel: this.keys.channel,
      batch: number,
      acked: this.#acknowledged,
      alone: this.#isAlone,
      owned,
      generation,
      bound: this.#epoch,
      seq: this.#seq,
      epoch: sender.nextEpoch(),
      at: at < Number.POSITIVE_INFINITY ? Math.floor(Date.now() - (performance.now() - at)) : undefined,
      totals: said && totalsLine(relay, said),
      // What the list of runs shows: of the run, or as far as these events say it.
      once: {
        parentRunId,
        agentName: agentName && wellFormed(agentName),
        conversationId: conversationId && wellFormed(conversationId),
      },
      traces: [...traces].map(wellFormed),
      leaves,
      outcome,
      start: String(said?.startTime ?? events[0]?.time ?? Date.now()),
      last: events.at(-1)?.time.toString(),
    });
    const args = [head, lines.join("\n")];
    this.batch = { number, generation, owned, args, events: events.length, losses, ends: closed !== undefined, at };
    return this.batch;
  }

  /** Takes what waits of this generation, as far as it fits into one batch, up to its end. */
  #take(outbox: Outbox, generation: string): Load {
    const lines: string[] = [];
    const events: BusEvent[] = [];
    let closed: RunInfo | undefined;
    let [bytes, losses, at] = [0, 0, Number.POSITIVE_INFINITY];
    for (let entry = this.first; entry && !closed && lines.length < MAX_LINES; entry = this.first) {
      const { content } = entry;
      if (entry.generation !== generation) break;
      if (content.kind === "event") {
        if (bytes > 0 && bytes + content.bytes > MAX_BYTES) break;
        bytes += content.bytes;
        events.push(content.event);
        lines.push(content.line);
      } else if (content.kind === "loss") {
        losses += content.count;
        lines.push(`l${content.count}`);
      } else closed = content.run;
      if (content.kind !== "loss") at = Math.min(at, entry.at);
      outbox.take(entry);
    }
    return { lines, events, losses, at, closed };
  }

  /** Redis took the batch. */
  taken({ number, events, losses }: Batch, epoch: string, seq: number): void {
    this.#isAlone = this.#isAlone && seq === this.#seq + events + losses;
    this.#epoch = epoch;
    this.#seq = seq;
    this.#acknowledged = number;
  }

  /** What comes next goes into the generation that is open in Redis then. */
  unbind(): void {
    this.#epoch = "";
    this.#seq = 0;
    this.#acknowledged = 0;
    this.#isAlone = true;
  }
}

/** Without halves of surrogate pairs, which Redis does not take in JSON. */
function wellFormed(text: string): string {
  return text.replace(/\p{Surrogate}/gu, "\ufffd");
}
