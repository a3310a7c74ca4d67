import type { BusEvent } from "../bus/event.js";
import { Tally } from "../bus/tally.js";
import type { RunKeys } from "./keys.js";
import type { Outbox, Outgoing, OutgoingQueue } from "./outbox.js";

const MAX_LINES = 64;
const MAX_BYTES = 64 * 1024;

/** What is sent at once: sent again, it is the same. */
export interface Batch {
  readonly number: number;
  readonly generation: string;
  readonly args: readonly string[];
  /** Events in it, and events whose loss it tells. */
  readonly events: number;
  readonly losses: number;
  readonly ends: boolean;
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

  /** Takes what goes together from the outbox; with nothing there only says that the producer lives. */
  fill(outbox: Outbox, sender: Sender, leaves = false): Batch {
    const lines: string[] = [];
    const events: BusEvent[] = [];
    let [bytes, losses, ends] = [0, 0, false];
    const generation = this.first?.generation ?? this.#generation ?? "";
    if (generation !== this.#generation) {
      this.#generation = generation;
      this.#epoch = "";
      this.#seq = 0;
    }
    for (let entry = this.first; entry && !ends && lines.length < MAX_LINES; entry = this.first) {
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
      } else {
        ends = true;
        lines.push(content.outcome === "detached" ? "d" : `c${content.outcome}`);
      }
      outbox.take(entry);
    }
    if (leaves && !ends && !this.first) lines.push("d");
    const number = sender.nextBatch();
    const { relay, historyPerRun, retentionMillis, leaseMillis } = sender;
    const head = JSON.stringify({
      ...{ relay, historyPerRun, retentionMillis, leaseMillis, channel: this.keys.channel },
      ...{ batch: number, bound: this.#epoch, seq: this.#seq, epoch: sender.nextEpoch() },
      ...this.#summary(events),
    });
    this.batch = { number, generation, args: [head, ...lines], events: events.length, losses, ends };
    return this.batch;
  }

  /** Redis took the batch. */
  taken(epoch: string, seq: number): void {
    this.#epoch = epoch;
    this.#seq = seq;
  }

  /** What the list of runs shows, as far as these events say it. */
  #summary(events: readonly BusEvent[]) {
    const tally = new Tally();
    const traces = new Set<string>();
    const once: Record<string, string> = {};
    if (this.parentRunId !== undefined) once["parentRunId"] = this.parentRunId;
    for (const event of events) {
      tally.add(event);
      if (event.traceId !== undefined) traces.add(event.traceId);
      const { agentName, conversationId } = event.data as { agentName?: unknown; conversationId?: unknown };
      if (typeof agentName === "string") once["agentName"] ??= agentName;
      if (typeof conversationId === "string") once["conversationId"] ??= conversationId;
    }
    const counts = Object.fromEntries(Object.entries(tally).filter(([, count]) => count > 0));
    const last = events.at(-1)?.time;
    return {
      ...{ counts, once, traces: [...traces], start: Math.floor(events[0]?.time ?? Date.now()) },
      ...(last !== undefined && { last: Math.floor(last) }),
    };
  }
}
