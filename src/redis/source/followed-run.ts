import { eventId, parseCursor } from "../../bus/cursor.js";
import type { BusEvent, SubscriptionEnd } from "../../bus/event.js";
import type { Replay } from "../../bus/replay.js";
import { type Message, seqsOf } from "../batch.js";
import { Arrivals } from "./arrivals.js";
import { Attaching } from "./attaching.js";
import { Life } from "./life.js";
import { eventOf, gap } from "./remote-event.js";
import { replayOf } from "./replay-of.js";
import { type Closed, missed, outcomeOf, type Standing, sureEnd, unknownEpoch } from "./standing.js";

/** What a run that is followed needs of its source. */
export interface FollowHost {
  readonly maxQueueSize: number;
  now(): number;
  /** Asks Redis; with a cursor for what is behind it. Tries again until it is answered or refused. */
  read(runId: string, after?: { readonly epoch: string; readonly seq: number }): Promise<Standing | undefined>;
  /** An event came from Redis, or a gap was found. */
  received(event: BusEvent): void;
  /** Events were asked for, because their messages did not come. */
  fetched(events: number): void;
  /** False while producers may not have been able to say that they live. */
  isSteady(): boolean;
  failed(error: unknown): void;
}

/** How an answer of Redis is to be taken. */
interface Answer {
  /** Messages up to where the run stands are lost; else they may be on their way. */
  readonly isCertain: boolean;
  /** Seq at which the stream stood when Redis was asked. */
  readonly asked: number;
  /** The message that showed that others are lost. */
  readonly next?: Message;
}

/** Messages that may wait while the source asks Redis what it missed. */
const MAX_WAITING = 1000;

/** How long a producer may need to bring back a run that Redis has forgotten, if its lease is not known to be longer. */
const FORGOTTEN_MILLIS = 15_000;

/**
 * One run that has readers here. Batches come as messages; each says how far the run was before it, so that a hole shows and
 * is filled from the stream. Live events go into an event stream of the bus, in which readers are positions.
 */
export class FollowedRun {
  readonly runId: string;
  /** What readers attach to now: the generation that is read, or was read last. */
  life: Life;
  readonly #host: FollowHost;
  /** Where the stream stands; no epoch before the run is known. */
  #epoch: string | undefined;
  #seq = 0;
  #isKnown = false;
  #isAsking = false;
  #askAgain = false;
  #waiting: Message[] = [];
  readonly #attaching = new Attaching();
  readonly #arrivals = new Arrivals();
  /** Where the last look found the run, if that was not where the stream stands: messages may be on their way. */
  #seen: { readonly epoch: string; readonly seq: number; readonly isBehind: boolean } | undefined;
  #forgottenSince: number | undefined;
  #leaseMillis = FORGOTTEN_MILLIS;

  constructor(runId: string, host: FollowHost) {
    this.runId = runId;
    this.#host = host;
    this.life = this.#newLife();
  }

  /** Gives the replay for a reader, which is to be attached in that very call; not if it has left meanwhile. */
  async replay(after: string | undefined, isLeft: () => boolean, attach: (replay: Replay) => void): Promise<void> {
    const cursor = after === undefined ? undefined : parseCursor(after);
    const behind = cursor && { epoch: cursor.generation, seq: cursor.seq };
    this.#attaching.begin();
    try {
      while (!isLeft()) {
        const standing = await this.#host.read(this.runId, behind);
        if (!this.#isKnown) this.#begin(standing);
        const { epoch = this.#epoch, seq = 0 } = standing ?? {};
        // A generation began between the question and the answer.
        if (epoch !== this.#epoch) await this.#ask();
        // The answer was faster than the messages.
        else if (seq > this.#seq) await this.#arrivals.at(seq, () => this.#ask());
        if (isLeft()) return;
        if (epoch !== this.#epoch || seq > this.#seq || seq < this.#attaching.from) continue;
        attach(replayOf(this.runId, standing, this.#attaching.behind(seq), after));
        return;
      }
    } finally {
      this.#attaching.end();
    }
  }

  /** A message of this run came. */
  message(message: Message): void {
    if (this.#isAsking || !this.#isKnown) {
      this.#waiting.push(message);
      if (this.#waiting.length > MAX_WAITING) {
        this.#waiting = [];
        this.#askAgain = true;
      }
    } else this.#apply(message);
  }

  /** Messages may have been lost. */
  resumed(): void {
    if (this.#isKnown) this.#ask().catch((error: unknown) => this.#host.failed(error));
  }

  /** Looks whether the run ended, or goes on, without a message that says so. Returns when to look again. */
  async look(longestMillis: number): Promise<number> {
    if (!this.#isKnown || this.#isAsking) return longestMillis;
    const asked = this.#seq;
    const standing = await this.#host.read(this.runId, this.#cursor());
    if (this.#isAsking) return longestMillis;
    this.#reconcile(standing, { isCertain: false, asked });
    const { leaseMillis = 0 } = standing ?? {};
    if (this.life.stream.end || leaseMillis <= 0) return longestMillis;
    return Math.min(longestMillis, Math.max(50, leaseMillis + 10));
  }

  finish(end: SubscriptionEnd, lastId = eventId(this.#epoch ?? unknownEpoch, this.#seq)): void {
    this.life.endId ??= lastId;
    this.life.stream.finish(end);
  }

  // ── replay ────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** The first answer says where the stream begins. */
  #begin(standing: Standing | undefined): void {
    this.#isKnown = true;
    if (standing) this.#adopt(standing);
    this.#drain();
  }

  #stands(seq: number): void {
    this.#seq = seq;
    this.#arrivals.stands(seq);
  }

  // ── messages ──────────────────────────────────────────────────────────────────────────────────────────────────────

  /** `isAsked`: Redis was asked what is before it. */
  #apply(message: Message, isAsked = false): void {
    const { epoch, from, to, lines, opened, heardAgain } = message;
    if (this.#epoch === undefined && from === 0) this.#epoch = epoch;
    if (epoch !== this.#epoch || from > this.#seq) {
      if (!isAsked) this.#ask(message).catch((error: unknown) => this.#host.failed(error));
      // Of a generation that is over; else it could not be found out what is missing.
      if (!isAsked || epoch !== this.#epoch) return;
      this.#missing(epoch, from);
      this.#stands(from);
    }
    this.#forgottenSince = undefined;
    if (to < this.#seq) return;
    // It had ended, as detached or lost, and goes on.
    const goesOn = to > this.#seq || ((opened || heardAgain) && from === to);
    if (this.life.stream.end && goesOn) this.life = this.#newLife();
    let seq = from;
    for (const line of lines) {
      seq += seqsOf(line);
      if (line.kind === "c") this.finish({ reason: "closed", outcome: outcomeOf(line.text) });
      else if (line.kind === "d") this.finish({ reason: "closed", outcome: "detached" });
      else if (line.kind === "p") this.finish(missed);
      else if (line.kind === "x") this.#evicted();
      else if (seq > this.#seq) {
        const event = eventOf(this.runId, epoch, seq, line);
        if (event) this.#append(event, seq);
        this.#stands(seq);
      }
    }
  }

  /** Tells that events are missing behind where the stream stands; `last` is the seq of the last of them. */
  #missing(epoch: string, last: number): void {
    const missed = last - this.#seq;
    const resumeAfter = eventId(epoch, this.#seq);
    this.#append(gap(this.runId, epoch, last, { missed, reason: "cut", resumeAfter }), last);
    // A reader may have asked for its replay when some of these were still kept: its own gap would be another.
    this.#attaching.forget(last);
  }

  #append(event: BusEvent, seq: number): void {
    this.#host.received(event);
    this.#attaching.came(seq, event);
    this.life.stream.append(event, this.#host.now(), undefined);
  }

  // ── holes ─────────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Asks what is behind the place where the stream stands; messages wait meanwhile, first the one that shows the hole. */
  async #ask(cause?: Message): Promise<void> {
    if (this.#isAsking) return;
    this.#isAsking = true;
    try {
      do {
        this.#askAgain = false;
        const asked = this.#seq;
        const standing = await this.#host.read(this.runId, this.#cursor());
        this.#reconcile(standing, { isCertain: true, asked, ...(cause && { next: cause }) });
      } while (this.#askAgain);
      if (cause) this.#apply(cause, true);
    } catch (error) {
      this.finish({ reason: "cut" });
      throw error;
    } finally {
      this.#isAsking = false;
      this.#drain();
    }
  }

  #drain(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const message of waiting) this.message(message);
  }

  /** Brings the stream to where the run stands, or to the message `next`. */
  #reconcile(standing: Standing | undefined, { isCertain, asked, next }: Answer): void {
    if (!standing) {
      if (this.#epoch !== undefined) this.#forgotten();
      return;
    }
    this.#forgottenSince = undefined;
    const { epoch, seq, earlier, leaseMillis } = standing;
    this.#leaseMillis = Math.max(this.#leaseMillis, leaseMillis);
    const seen = this.#seen?.epoch === epoch ? this.#seen : undefined;
    this.#seen = seq === this.#seq ? undefined : { epoch, seq, isBehind: seq < asked };
    // What a look saw had not come by the next one.
    const isLost = isCertain || (seen !== undefined && seen.seq > this.#seq);
    if (this.#epoch === undefined) {
      if (seq > 0 && !isLost) return;
      this.#fill(standing, 0, next);
    } else if (epoch !== this.#epoch) {
      const own = earlier.find((closed) => closed.epoch === this.#epoch);
      if (own) this.#next(standing, own);
      else this.#replaced(standing);
    } else if (seq > this.#seq) {
      if (!isLost) return;
      this.#fill(standing, this.#seq, next);
    } else if (seq < this.#seq) {
      // The server lost what it had taken. A producer may say so, if it is given time until the next look.
      if (seq >= asked || !seen?.isBehind) return;
      this.#replaced(standing);
    }
    this.#seen = undefined;
    if (seq > this.#seq) return;
    const end = this.#endOf(standing);
    if (end) this.finish(end);
    else if (this.life.stream.end) this.life = this.#newLife();
  }

  #endOf(standing: Standing): SubscriptionEnd | undefined {
    return sureEnd(standing, this.#host.isSteady());
  }

  /** Takes what is kept behind `from`, up to the next message if that is known, and tells what is not kept. */
  #fill({ epoch, seq, entries }: Standing, from: number, next?: Message): void {
    const to = next?.epoch === epoch && next.from > from ? Math.min(seq, next.from) : seq;
    const behind = entries.filter((entry) => entry.seq > from && entry.seq <= to);
    this.#host.fetched(behind.filter(({ line }) => line.kind === "e").length);
    if (this.life.stream.end) this.life = this.#newLife();
    // What is missing of another generation than that which is read was told with the change, or nobody read it.
    const isSame = this.#epoch === undefined || this.#epoch === epoch;
    const comesTo = (seq: number): void => {
      if (seq <= this.#seq) return;
      if (isSame) this.#missing(epoch, seq);
      // A reader whose answer is from before may have to tell of what was kept then.
      else this.#attaching.forget(seq);
    };
    this.#epoch = epoch;
    this.#seq = from;
    for (const entry of behind) {
      comesTo(entry.seq - seqsOf(entry.line));
      const event = eventOf(this.runId, epoch, entry.seq, entry.line);
      if (event) this.#append(event, entry.seq);
      this.#seq = entry.seq;
    }
    comesTo(to);
    this.#stands(to);
  }

  /** The generation was closed and another began. */
  #next(standing: Standing, { epoch, seq, outcome }: Closed): void {
    if (seq > this.#seq) this.#missing(epoch, seq);
    this.finish({ reason: "closed", outcome }, eventId(epoch, seq));
    this.#attaching.forget(0);
    this.life = this.#newLife();
    this.#fill(standing, 0);
  }

  /** Redis lost the generation, and its producers went on in another: its readers do, too. */
  #replaced(standing: Standing): void {
    this.#attaching.forget(0);
    if (this.life.stream.end) this.life = this.#newLife();
    else {
      const resumeAfter = eventId(this.#epoch ?? unknownEpoch, this.#seq);
      const data = { missed: standing.lost, reason: "generation", resumeAfter } as const;
      this.#append(gap(this.runId, standing.epoch, standing.lost, data), standing.lost);
    }
    this.#fill(standing, 0);
  }

  /** Its readers end. Who comes now waits for what comes; of a run that is closed there is nothing to wait for. */
  #evicted(): void {
    if (this.life.stream.end) return;
    this.finish({ reason: "evicted" });
    this.life = this.#newLife();
  }

  /** Redis no longer knows the run: its producers may bring it back. */
  #forgotten(): void {
    if (this.life.stream.end) return;
    const now = this.#host.now();
    this.#forgottenSince ??= now;
    if (now - this.#forgottenSince >= this.#leaseMillis) this.finish({ reason: "producer-lost", outcome: "abandoned" });
  }

  #adopt(standing: Standing): void {
    const { epoch, seq } = standing;
    this.#epoch = epoch;
    this.#attaching.forget(seq);
    this.#stands(seq);
    const end = this.#endOf(standing);
    if (end) this.finish(end);
  }

  #cursor(): { epoch: string; seq: number } {
    return { epoch: this.#epoch ?? unknownEpoch, seq: this.#seq };
  }

  #newLife(): Life {
    return new Life(this.runId, this.#epoch ?? unknownEpoch, this.#host.maxQueueSize, this.#host.now());
  }
}
