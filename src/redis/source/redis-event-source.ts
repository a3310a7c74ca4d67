import { AbortWatch } from "../../bus/abort-watch.js";
import { positiveInteger, runIdName, wrong } from "../../bus/checks.js";
import { eventId, parseCursor } from "../../bus/cursor.js";
import { Deadlines } from "../../bus/deadlines.js";
import type { BusEvent, GapData, SubscriptionEnd } from "../../bus/event.js";
import {
  checkedStats,
  checkedSubscribe,
  type GlobalSubscribeOptions,
  type HistoryOptions,
  type StatsOptions,
  type SubscribeOptions,
} from "../../bus/hub-options.js";
import { controlEvent } from "../../bus/make-event.js";
import type { ReaderHost } from "../../bus/reader.js";
import { type Attachment, Readers } from "../../bus/readers.js";
import type { RunInfo, RunSnapshot, RunStanding } from "../../bus/run.js";
import { dimensions, type Scope, sum, zeros } from "../../bus/stats.js";
import type { Subscription } from "../../bus/subscription.js";
import type { Message } from "../batch.js";
import { ErrorTeller } from "../error-teller.js";
import { Keys } from "../keys.js";
import type { PortListener, PortSubscriber } from "../port/redis-port.js";
import { describe, list, read, unlist } from "../scripts.js";
import { Channels } from "./channels.js";
import { decide } from "./decide.js";
import { Following } from "./following.js";
import { GlobalFeed } from "./global-feed.js";
import { Life } from "./life.js";
import { LostProducers } from "./lost-producers.js";
import { RedisSubscription } from "./redis-subscription.js";
import { replayOf } from "./replay-of.js";
import { descriptionOf } from "./run-description.js";
import { type RedisEventSourceOptions, type SourceSettings, sourceSettings } from "./source-options.js";
import { type SourceStats, sourceTable } from "./source-stats.js";
import { SourceTally } from "./source-tally.js";
import { type Standing, standingOf, sureEnd, unknownEpoch } from "./standing.js";
import { Steadiness } from "./steadiness.js";

/** Runs that Redis is asked about at once. */
const MAX_AT_ONCE = 500;

/** A subscription whose events come from Redis. */
export type RemoteSubscription = Subscription & {
  /** Settles when Redis has answered and the replay is there, or the subscription is over. Never rejects. */
  readonly attached: Promise<void>;
  /** Id of the last event of the run, whether or not it was asked for, once the run is over. */
  readonly endId: string | undefined;
};

/**
 * Reads the runs that relays of any process carry to Redis: the same subscriptions, with the same promises, as those of the
 * bus. It holds one connection of its own, however many read, and with that the process, like the client does: close it
 * before the client.
 */
export class RedisEventSource {
  /** What the numbers of `stats()` are: `observe` of `spanbus/metrics` reports them by it. */
  readonly figures = sourceTable;
  readonly #settings: SourceSettings;
  readonly #keys: Keys;
  readonly #errors: ErrorTeller;
  readonly #steadiness = new Steadiness();
  readonly #subscriber: PortSubscriber;
  readonly #readers: Readers;
  readonly #host: ReaderHost;
  readonly #following: Following;
  readonly #global: GlobalFeed;
  /** Readers that wait for Redis. */
  readonly #pending = { run: new Set<RedisSubscription>(), global: new Set<RedisSubscription>() };
  readonly #tally = new SourceTally();
  #isClosed = false;

  /** @throws TypeError or RangeError that names the option, what is allowed and what was given. */
  constructor(options: RedisEventSourceOptions) {
    const settings = sourceSettings(options);
    this.#settings = settings;
    this.#keys = new Keys(settings.keyPrefix, settings.port.database);
    this.#errors = new ErrorTeller(settings.onError);
    const deadlines = new Deadlines((error) => this.#errors.tell(error));
    this.#host = {
      deadlines,
      aborts: new AbortWatch(),
      unreadTimeoutMillis: settings.unreadTimeoutMillis,
      gap: (last, data) => {
        this.#tally.told(data);
        return controlEvent(last.id, last.runId, "bus.gap", data);
      },
      delivered: (events) => {
        this.#tally.delivered += events;
      },
      decide: (what, callback, otherwise) => decide(what, callback, otherwise, (error) => this.#errors.tell(error)),
    };
    this.#readers = new Readers(settings, this.#host);
    const { maxQueueSize, lookMillis } = settings;
    const keys = this.#keys;
    const steadiness = this.#steadiness;
    const listener: PortListener = {
      message: (channel, text) => this.#safely(() => this.#following.message(channel, text)),
      matched: (channel, text) => this.#safely(() => this.#global.message(keys.runOfChannel(channel), text)),
      resumed: () => {
        this.#tally.reconnects += 1;
        steadiness.troubled();
        this.#following.resumed();
        this.#global.resumed();
      },
      failed: (error) => {
        steadiness.troubled();
        this.#errors.tell(error);
      },
    };
    this.#subscriber = settings.port.listen(listener, lookMillis);
    const channels = new Channels(this.#subscriber);
    const told = {
      now: () => deadlines.now(),
      received: (event: BusEvent) => this.#tally.appended(event),
      told: (data: GapData) => this.#tally.told(data),
      fetched: (events: number) => {
        this.#tally.fetched += events;
      },
      arrived: (message: Message) => this.#tally.arrived(message, deadlines.now()),
      isSteady: () => steadiness.isSteady,
      failed: (error: unknown) => this.#errors.tell(error),
    };
    const port = steadiness.watch(settings.port);
    const lostProducers = new LostProducers({ port, keys, lookMillis, ...told });
    this.#following = new Following({ port, keys, channels, maxQueueSize, lookMillis, ...told });
    this.#global = new GlobalFeed({ channels, lostProducers, pattern: keys.pattern, maxQueueSize, ...told });
  }

  // ── read ──────────────────────────────────────────────────────────────────────────────────────────────────────────

  /**
   * Reads one run: what is kept of it, then live, until its stream closes. It is attached as soon as Redis has answered: what
   * is published from then on is read, and before that everything that is kept. `next()` rejects with a `RedisError` when
   * Redis refuses; then `ended` says `cut`. A run of which nothing is heard any more ends as `producer-lost`. Of a source that
   * is closed a reader gets what is kept, then the end of the run, or `shutdown` if it was not closed.
   *
   * @throws EventBusError `SPANBUS_SUBSCRIBER_LIMIT` when `maxRunSubscribers` readers are attached.
   */
  subscribe(runId: string, options?: SubscribeOptions): RemoteSubscription {
    const checked = checkedSubscribe("options", options);
    runIdName(runId);
    const subscription = this.#subscription("run", checked);
    if (!subscription.isOver) {
      const attaching = this.#isClosed
        ? this.#attachToKept(runId, subscription, checked)
        : this.#attach(runId, subscription, checked);
      attaching.catch((error: unknown) => this.#failed(subscription, error));
    }
    return subscription as RedisSubscription & RemoteSubscription;
  }

  /**
   * Reads every run, live only, with `bus.run.opened` and `bus.run.closed` around each. After a cut a `bus.gap` with reason
   * `cut` says that events may be missing, without their number. A run whose producer was lost closes as `abandoned`. The events
   * of one run come in its order; which of two runs is told first, nobody says.
   *
   * @throws EventBusError `SPANBUS_SUBSCRIBER_LIMIT` when `maxGlobalSubscribers` readers are attached.
   */
  subscribeGlobal(options?: GlobalSubscribeOptions): RemoteSubscription {
    const checked: GlobalSubscribeOptions = checkedSubscribe("options", options);
    const subscription = this.#subscription("global", checked);
    if (!subscription.isOver) {
      this.#attachGlobal(subscription, checked).catch((error: unknown) => this.#failed(subscription, error));
    }
    return subscription as RedisSubscription & RemoteSubscription;
  }

  /** What is kept of a run, oldest first: the first `limit` behind `after`, or the newest `limit`. @throws RedisError */
  async history(runId: string, options?: HistoryOptions): Promise<readonly BusEvent[]> {
    return (await this.snapshot(runId, options))?.events ?? [];
  }

  /** Runs that are open or kept, newest activity first. @throws RedisError */
  async runs(): Promise<readonly RunInfo[]> {
    const { port } = this.#settings;
    const members = ((await port.run(list, [this.#keys.runs], [])) as readonly unknown[]).map(String);
    const runs: RunInfo[] = [];
    for (let from = 0; from < members.length; from += MAX_AT_ONCE) {
      const some = members.slice(from, from + MAX_AT_ONCE);
      const described = await Promise.all(some.map((member) => this.#describe(this.#keys.runOf(member))));
      runs.push(...described.filter((run) => run !== undefined));
      const gone = some.filter((_, index) => !described[index]);
      if (gone.length > 0) await port.run(unlist, [this.#keys.runs], gone);
    }
    return runs;
  }

  /**
   * Where a run stands, or a given generation of it. Undefined for one that is not known; of the generations that a newer one
   * followed, the last 8 are. @throws RedisError
   */
  async standing(runId: string, generation?: string): Promise<RunStanding | undefined> {
    const reply = await this.#settings.port.run(read, this.#keys.of(runIdName(runId)).keys, ["standing"]);
    const standing = standingOf(reply);
    if (generation === undefined || generation === awaited.generation || generation === standing?.epoch) {
      return this.#newest(runId, standing);
    }
    const closed = standing?.earlier.find((each) => each.epoch === generation);
    if (!closed) return undefined;
    const { outcome } = closed;
    return { generation, state: "closed", lastId: eventId(generation, closed.seq), end: { reason: "closed", outcome } };
  }

  /** Where a run stands and what is kept of it, at one moment. Undefined for one that is not known. @throws RedisError */
  async snapshot(runId: string, options?: HistoryOptions): Promise<RunSnapshot | undefined> {
    const { after, limit } = options ?? {};
    if (after !== undefined && typeof after !== "string") throw wrong(TypeError, "after", "an event id", after);
    if (limit !== undefined) positiveInteger("limit", limit);
    const read = await this.#read(runIdName(runId), after);
    const standing = this.#newest(runId, read);
    if (!standing) return undefined;
    const { events } = replayOf(runId, read, [], after);
    const first = limit !== undefined && after === undefined ? -limit : 0;
    return { ...standing, events: events.slice(first, first < 0 ? undefined : limit) };
  }

  /** What this source counted and holds: `published` is what came from Redis. What belongs to a producer is 0. */
  stats(options?: StatsOptions): SourceStats {
    const { depths, details } = checkedStats(options);
    const { dropped, queuedEvents, queueCapacity, queueUtilization } = this.#readers.figures();
    const { rejected, attached } = this.#readers;
    const { received, delivered, gaps, fetched, reconnects } = this.#tally;
    const followed = [...this.#following.all()];
    return {
      published: received,
      delivered,
      dropped: dropped.run.lagged + dropped.global.lagged,
      rejectedSubscribers: sum(rejected),
      errors: this.#errors.count,
      runSubscribers: attached.run,
      globalSubscribers: attached.global,
      queuedEvents: sum(queuedEvents),
      activeRuns: followed.filter(({ life }) => !life.stream.end).length,
      gaps: { ...gaps },
      fetched,
      reconnects,
      followedRuns: followed.length,
      lagSeconds: this.#tally.lagSeconds(this.#host.deadlines.now()),
      ...{ refused: 0, evictedRuns: 0, abandonedSpans: 0, openSpans: 0 },
      ...{ retainedRuns: 0, historyEvents: 0, historyBytes: 0 },
      ...(depths && { queueDepths: this.#readers.depths(), historyDepths: {} }),
      ...(details && {
        details: {
          ...{ dropped, queuedEvents, queueCapacity, queueUtilization, rejectedSubscribers: { ...rejected } },
          ...{ refused: zeros(dimensions.refusal.values), closedRuns: 0 },
        },
      }),
    };
  }

  /**
   * Ends all readers as `shutdown`, and its connection. What Redis keeps can still be read for as long as the client is open:
   * documents, and runs that were closed. Twice is once.
   */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    const end: SubscriptionEnd = { reason: "shutdown" };
    for (const pending of Object.values(this.#pending)) for (const subscription of [...pending]) subscription.end(end);
    this.#following.close();
    this.#global.finish(end);
    this.#subscriber.close();
  }

  /**
   * It was closed: nothing comes any more.
   *
   * @internal
   */
  get isShutdown(): boolean {
    return this.#isClosed;
  }

  // ── attaching ─────────────────────────────────────────────────────────────────────────────────────────────────────

  #subscription(scope: Scope, options: SubscribeOptions): RedisSubscription {
    const pending = this.#pending[scope];
    this.#readers.admit(scope, pending.size);
    const { deadlines, aborts } = this.#host;
    const subscription = new RedisSubscription({ options, deadlines, aborts });
    if (this.#isClosed && scope === "global") subscription.end({ reason: "shutdown" });
    if (!subscription.isOver) {
      pending.add(subscription);
      subscription.attached.then(() => pending.delete(subscription));
    }
    return subscription;
  }

  async #attach(runId: string, subscription: RedisSubscription, options: SubscribeOptions): Promise<void> {
    const { run, leave } = await this.#following.join(runId);
    let isAttached = false;
    // One that ends before Redis has answered is not waited for: `leave` twice is once.
    subscription.attached.then(() => {
      if (!isAttached) leave();
    });
    try {
      await run.replay(
        options.after,
        () => subscription.isOver,
        (replay) => {
          isAttached = true;
          this.#attachReader(subscription, run.life, { replay, options, left: leave });
        },
      );
    } finally {
      if (!isAttached) leave();
    }
  }

  /** Nothing comes any more, whatever Redis says later. */
  async #attachToKept(runId: string, subscription: RedisSubscription, options: SubscribeOptions): Promise<void> {
    const { after } = options;
    const standing = await this.#read(runId, after);
    if (subscription.isOver) return;
    const { epoch = unknownEpoch, seq = 0, end } = standing ?? {};
    const life = new Life(runId, epoch, this.#settings.maxQueueSize, this.#host.deadlines.now());
    life.endId = eventId(epoch, seq);
    life.stream.finish(end?.reason === "closed" ? end : { reason: "shutdown" });
    this.#attachReader(subscription, life, { replay: replayOf(runId, standing, [], after), options });
  }

  #attachReader(subscription: RedisSubscription, life: Life, start: Omit<Attachment, "run" | "stream">): void {
    const { replay } = start;
    if (replay.gap?.type === "bus.gap") this.#tally.told(replay.gap.data);
    this.#pending.run.delete(subscription);
    subscription.attach(this.#readers.attach({ ...start, run: life, stream: life.stream }), life);
  }

  async #attachGlobal(subscription: RedisSubscription, options: GlobalSubscribeOptions): Promise<void> {
    const leave = await this.#global.join();
    let isAttached = false;
    try {
      if (subscription.isOver) return;
      isAttached = true;
      this.#pending.global.delete(subscription);
      const { stream } = this.#global;
      subscription.attach(
        this.#readers.attach({ run: undefined, stream, replay: { events: [] }, options, left: leave }),
      );
    } finally {
      if (!isAttached) leave();
    }
  }

  /** What others publish must not throw into the client. */
  #safely(act: () => void): void {
    try {
      act();
    } catch (error) {
      this.#errors.tell(error);
    }
  }

  #failed(subscription: RedisSubscription, error: unknown): void {
    if (subscription.isOver) return;
    this.#errors.tell(error);
    // The client, too, may have been closed.
    if (this.#isClosed) subscription.end({ reason: "shutdown" });
    else subscription.fail(error instanceof Error ? error : new Error(String(error)));
  }

  /** Where its newest generation stands. */
  #newest(runId: string, standing: Standing | undefined): RunStanding | undefined {
    if (!standing) return this.#following.get(runId) && awaited;
    const { epoch, seq } = standing;
    const end = sureEnd(standing, this.#steadiness.isSteady);
    return { generation: epoch, state: end ? "closed" : "open", lastId: eventId(epoch, seq), ...(end && { end }) };
  }

  /** Where the run stands, and what is kept of it behind `after`. */
  async #read(runId: string, after: string | undefined): Promise<Standing | undefined> {
    const { generation = "", seq = 0 } = (after !== undefined && parseCursor(after)) || {};
    return standingOf(await this.#settings.port.run(read, this.#keys.of(runId).keys, [generation, String(seq)]));
  }

  async #describe(runId: string): Promise<RunInfo | undefined> {
    const reply = await this.#settings.port.run(describe, this.#keys.of(runId).keys, []);
    return descriptionOf(runId, reply, this.#following.get(runId)?.life.readers ?? 0);
  }
}

/** A run that has readers here and nothing in Redis. */
const awaited: RunStanding = Object.freeze({
  generation: unknownEpoch,
  state: "awaited",
  lastId: eventId(unknownEpoch, 0),
});
