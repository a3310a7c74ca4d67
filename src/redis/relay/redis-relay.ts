import type { BusEvent } from "../../bus/event.js";
import type { RunInfo } from "../../bus/run.js";
import { ErrorTeller } from "../error-teller.js";
import { Keys } from "../keys.js";
import { RedisError } from "../port/redis-error.js";
import { append } from "../scripts.js";
import { timerMillis } from "../timer-millis.js";
import { Outbox } from "./outbox.js";
import { type RedisRelayOptions, type RelaySettings, relaySettings, type TappedBus } from "./relay-options.js";
import { type RelayStats, relayTable } from "./relay-stats.js";
import { RunListing } from "./run-listing.js";
import { type Batch, type Sender, SentRun } from "./sent-run.js";

/** Runs of which a batch may be under way, or to be sent again. */
const MAX_HELD = 32;
const FIRST_PAUSE_MILLIS = 50;
const LONGEST_PAUSE_MILLIS = 2000;

/**
 * Carries everything a bus publishes to Redis, where a `RedisEventSource` of any process reads it. Nothing waits for Redis:
 * what it cannot take at once stays in a bounded outbox, and what that cannot hold is told to readers as a gap.
 *
 * Keeps no process alive. Close it before the client.
 */
export class RedisRelay {
  /** What the numbers of `stats()` are: `observe` of `spanbus/metrics` reports them by it. */
  readonly figures = relayTable;
  readonly #bus: TappedBus;
  readonly #settings: RelaySettings;
  readonly #sender: Sender;
  readonly #keys: Keys;
  readonly #errors: ErrorTeller;
  readonly #outbox: Outbox;
  readonly #tap: { close(): void };
  readonly #unwatch: () => void;
  readonly #runs = new Map<string, SentRun>();
  /** Runs that have something to send. */
  readonly #ready = new Set<SentRun>();
  /** Runs that this relay gives up once all of them is sent. */
  readonly #leaving = new Set<SentRun>();
  readonly #listing: RunListing;
  readonly #heartbeat: ReturnType<typeof setInterval>;
  /** Runs of which a batch is under way, or to be sent again. */
  readonly #held = new Set<SentRun>();
  #pauseMillis = 0;
  #pause: ReturnType<typeof setTimeout> | undefined;
  #isScheduled = false;
  #closing: Promise<void> | undefined;
  #isClosed = false;
  #drained: (() => void)[] = [];
  readonly #counts = { relayed: 0, refused: 0, sealed: 0, closed: 0, reconnects: 0 };

  /** @throws TypeError or RangeError that names the option, what is allowed and what was given. */
  constructor(bus: TappedBus, options: RedisRelayOptions) {
    const settings = relaySettings(bus, options);
    this.#bus = bus;
    this.#settings = settings;
    const { historyPerRun, retentionMillis, leaseMillis } = settings;
    const relay = [...crypto.getRandomValues(new Uint32Array(2))].map((word) => word.toString(36)).join("");
    let [epochs, batches] = [0, 0];
    const nextEpoch = (): string => {
      epochs += 1;
      return `${relay}-${epochs.toString(36)}`;
    };
    const nextBatch = (): number => {
      batches += 1;
      return batches;
    };
    this.#sender = { relay, historyPerRun, retentionMillis, leaseMillis, nextEpoch, nextBatch };
    this.#keys = new Keys(settings.keyPrefix, settings.port.database);
    this.#errors = new ErrorTeller(settings.onError);
    this.#outbox = new Outbox(settings.outbox, (queue) => this.#givenUp(queue as SentRun));
    this.#listing = new RunListing(
      settings,
      this.#keys,
      (error) => this.#errors.tell(error),
      () => this.#tellDrained(),
    );
    this.#tap = bus.tap({
      opened: (run) => this.#opened(run),
      event: (event) => this.#published(event),
      closed: (run) => this.#ended(run),
    });
    this.#unwatch = settings.port.onComeback(() => {
      this.#counts.reconnects += 1;
    });
    this.#heartbeat = setInterval(() => this.#beat(), Math.max(1, Math.floor(leaseMillis / 3)));
    this.#heartbeat.unref();
  }

  /** What was relayed and lost, and what waits. */
  stats(): RelayStats {
    const { relayed, refused, sealed, closed, reconnects } = this.#counts;
    const { maxEvents, maxBytes } = this.#settings.outbox;
    let openRuns = 0;
    for (const run of this.#runs.values()) if (run.isOpen) openRuns += 1;
    return {
      relayed,
      lost: { outbox: this.#outbox.lost, refused, sealed, closed },
      errors: this.#errors.count,
      reconnects,
      // What waited when it was closed is lost.
      queuedEvents: this.#isClosed ? 0 : this.#queuedEvents(),
      maxQueuedEvents: maxEvents,
      queuedBytes: this.#isClosed ? 0 : this.#outbox.bytes,
      maxQueuedBytes: maxBytes,
      lagSeconds: this.#isClosed ? 0 : this.#lagMillis() / 1000,
      openRuns,
    };
  }

  /** Waits until Redis has everything that was published, for as long as that takes. */
  async flush(): Promise<void> {
    if (this.#isClosed || this.#isIdle()) return;
    await new Promise<void>((resolve) => {
      this.#drained.push(resolve);
      this.#schedule();
    });
  }

  /**
   * Takes no more from the bus, sends what waits and gives up the runs that are open: their readers end as `detached` unless
   * another process goes on with them. Twice is once.
   *
   * @param options `timeoutMillis`: how long it tries, default 5000. What waits then is lost, and counted.
   */
  close(options: { readonly timeoutMillis?: number | undefined } = {}): Promise<void> {
    const timeoutMillis = timerMillis("timeoutMillis", options.timeoutMillis ?? 5000);
    this.#closing ??= this.#close(timeoutMillis);
    return this.#closing;
  }

  // ── from the bus ──────────────────────────────────────────────────────────────────────────────────────────────────

  #opened({ runId, parentRunId }: RunInfo): void {
    const run = this.#run(runId);
    run.isOpen = true;
    run.parentRunId = parentRunId;
  }

  #published(event: BusEvent): void {
    const run = this.#run(event.runId);
    const generation = generationOf(event.id);
    run.isOpen = true;
    if (run.sealed === generation) {
      this.#counts.sealed += 1;
      return;
    }
    this.#outbox.event(run, generation, event, this.#settings.transient.has(event.type));
    this.#isReady(run);
  }

  #ended(info: RunInfo): void {
    const run = this.#run(info.runId);
    run.isOpen = false;
    if (run.sealed === info.generation) this.#forget(run);
    else {
      this.#outbox.end(run, info);
      this.#isReady(run);
    }
  }

  #run(runId: string): SentRun {
    let run = this.#runs.get(runId);
    if (!run) {
      run = new SentRun(runId, this.#keys.of(runId));
      this.#runs.set(runId, run);
    }
    return run;
  }

  // ── to Redis ──────────────────────────────────────────────────────────────────────────────────────────────────────

  #isReady(run: SentRun): void {
    if (run.batch) return;
    this.#ready.add(run);
    this.#schedule();
  }

  /** What is published in one turn goes together. */
  #schedule(): void {
    if (this.#isScheduled || this.#pause !== undefined || this.#isClosed) return;
    this.#isScheduled = true;
    setImmediate(() => {
      this.#isScheduled = false;
      if (this.#pause === undefined && !this.#isClosed) this.#sendReady();
    });
  }

  #sendReady(): void {
    for (const run of this.#held) if (run.batch && !run.isSending) this.#send(run, run.batch);
    for (const run of this.#ready) {
      if (this.#held.size >= MAX_HELD) break;
      this.#ready.delete(run);
      const batch = run.fill(this.#outbox, this.#sender, this.#bus.runInfo(run.runId), this.#leaving.has(run));
      if (!run.first) this.#leaving.delete(run);
      this.#held.add(run);
      this.#send(run, batch);
    }
    this.#tellDrained();
  }

  #send(run: SentRun, batch: Batch): void {
    run.isSending = true;
    this.#settings.port
      .run(append, run.keys.keys, batch.args)
      .then(
        (reply) => {
          // What was under way at the close is counted as lost.
          if (!this.#isClosed) this.#answered(run, batch, reply as readonly unknown[]);
        },
        (error: unknown) => {
          if (!this.#isClosed) this.#failed(run, batch, error);
        },
      )
      .finally(() => {
        run.isSending = false;
        this.#schedule();
        this.#tellDrained();
      });
  }

  #answered(run: SentRun, batch: Batch, [verdict, epoch, seq]: readonly unknown[]): void {
    this.#pauseMillis = 0;
    run.sentAt = performance.now();
    if (String(verdict) === "sealed") this.#sealed(run, batch);
    else {
      run.taken(batch, String(epoch), Number(seq));
      this.#counts.relayed += batch.events;
      this.#listing.touch(run, batch.ends);
    }
    this.#release(run);
    if (run.first || this.#leaving.has(run)) this.#ready.add(run);
    else if (!run.isOpen) this.#forget(run);
  }

  /**
   * Another process closed the run: nothing of this generation is taken any more. A process that does not own the run may go
   * on in the next one, once the owner has opened that.
   */
  #sealed(run: SentRun, batch: Batch): void {
    this.#leaving.delete(run);
    this.#counts.sealed += batch.events;
    run.unbind();
    if (!batch.owned) return;
    run.sealed = batch.generation;
    while (run.first?.generation === batch.generation) {
      if (run.first.content.kind === "event") this.#counts.sealed += 1;
      this.#outbox.take(run.first);
    }
  }

  #failed(run: SentRun, batch: Batch, error: unknown): void {
    this.#errors.tell(error);
    if (error instanceof RedisError && error.isFinal) this.#refused(run, batch);
    else this.#wait();
  }

  /** Tried again it would be refused again. What comes later may be let through, and tells what is missing. */
  #refused(run: SentRun, batch: Batch): void {
    this.#counts.refused += batch.events;
    this.#release(run);
    const waits = run.first !== undefined;
    const missing = batch.events + batch.losses;
    if (missing > 0 && (waits || run.isOpen)) this.#outbox.loss(run, batch.generation, missing);
    if (waits) this.#ready.add(run);
    else if (!run.isOpen) this.#forget(run);
  }

  /** Redis is away, or cannot do it now. */
  #wait(): void {
    if (this.#pause !== undefined) return;
    this.#pauseMillis = Math.min(Math.max(FIRST_PAUSE_MILLIS, this.#pauseMillis * 2), LONGEST_PAUSE_MILLIS);
    this.#pause = setTimeout(() => {
      this.#pause = undefined;
      this.#schedule();
    }, this.#pauseMillis);
    this.#pause.unref();
  }

  #release(run: SentRun): void {
    run.batch = undefined;
    this.#held.delete(run);
  }

  /** Nothing waits of it, and nothing more will. */
  #givenUp(run: SentRun): void {
    if (!run.batch && !run.isOpen) this.#forget(run);
  }

  #forget(run: SentRun): void {
    this.#ready.delete(run);
    this.#leaving.delete(run);
    if (this.#runs.get(run.runId) === run) this.#runs.delete(run.runId);
  }

  // ── what is not an event ──────────────────────────────────────────────────────────────────────────────────────────

  /** Renews the leases of runs that were quiet. */
  #beat(): void {
    const quietSince = performance.now() - this.#settings.leaseMillis / 4;
    for (const run of this.#runs.values()) {
      if (run.isOpen && run.isKnown && run.sentAt < quietSince) this.#isReady(run);
    }
  }

  // ── the end ───────────────────────────────────────────────────────────────────────────────────────────────────────

  async #close(timeoutMillis: number): Promise<void> {
    this.#tap.close();
    clearInterval(this.#heartbeat);
    for (const run of this.#runs.values()) {
      if (!run.isOpen) continue;
      run.isOpen = false;
      if (!run.first && !run.batch && !run.isKnown) continue;
      this.#leaving.add(run);
      this.#isReady(run);
    }
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, timeoutMillis);
    });
    await Promise.race([this.flush(), late]);
    clearTimeout(timer);
    clearTimeout(this.#pause);
    this.#unwatch();
    this.#listing.close();
    this.#isClosed = true;
    this.#counts.closed = this.#queuedEvents();
    this.#tellDrained();
  }

  #queuedEvents(): number {
    let events = this.#outbox.size;
    for (const { batch } of this.#held) events += batch?.events ?? 0;
    return events;
  }

  #lagMillis(): number {
    let oldestAt = this.#outbox.oldestAt;
    for (const { batch } of this.#held) if (batch) oldestAt = Math.min(oldestAt, batch.at);
    return oldestAt === Number.POSITIVE_INFINITY ? 0 : performance.now() - oldestAt;
  }

  #isIdle(): boolean {
    return this.#outbox.isEmpty && this.#held.size + this.#leaving.size === 0 && this.#listing.isIdle;
  }

  #tellDrained(): void {
    if (this.#drained.length === 0 || !(this.#isClosed || this.#isIdle())) return;
    const drained = this.#drained;
    this.#drained = [];
    for (const resolve of drained) resolve();
  }
}

/** An id of the bus is well formed, and this is done for each event. */
function generationOf(id: string): string {
  return id.slice(0, id.indexOf("."));
}
