import { getEventListeners, setMaxListeners } from "node:events";
import { type BusEvent, EventBus, type SubscribeOptions, type Subscription } from "spanbus";
import { describe, expect, it } from "vitest";
import { Dice, range, restoreAfterEach, settle, taken } from "./support.js";

restoreAfterEach();

/** What a stream carries: a published event, or a control event by its type and run. */
type Expected = BusEvent | string;

function expectedOf(event: BusEvent): Expected {
  return event.seq === undefined ? `${event.type} ${event.runId}` : event;
}

/** A reader, and what it should see. */
class Witness {
  readonly reader: Subscription;
  readonly runId: string | undefined;
  readonly signal: SubscribeOptions["signal"];
  readonly matches: (event: { readonly type: string }) => boolean;
  readonly #expected: Expected[] = [];
  readonly received: BusEvent[] = [];
  /** Place in what is expected, behind the last event read or missed. */
  #position = 0;
  #told = 0;
  left: boolean;
  asking = 0;

  constructor(reader: Subscription, runId: string | undefined, { types, signal }: SubscribeOptions) {
    this.reader = reader;
    this.runId = runId;
    this.signal = signal;
    this.left = signal?.aborted === true;
    this.matches = ({ type }) =>
      !types || types.some((each) => (each.endsWith(".*") ? type.startsWith(each.slice(0, -1)) : each === type));
  }

  expect(event: Expected): void {
    const type = typeof event === "string" ? event.slice(0, event.indexOf(" ")) : event.type;
    if (!this.left && this.matches({ type })) this.#expected.push(event);
  }

  /** Asks for the next event or batch; it may come much later. */
  ask(batch: boolean): void {
    this.asking += 1;
    const done = (events: readonly BusEvent[]): void => {
      this.asking -= 1;
      for (const event of events) this.#take(event);
    };
    if (batch)
      this.reader
        .batches()
        .next()
        .then((result) => done(result.value ?? []));
    else this.reader.next().then((result) => done(result.done ? [] : [result.value]));
  }

  async drain(): Promise<void> {
    for await (const event of this.reader) this.#take(event);
  }

  #take(event: BusEvent): void {
    if (event.type === "bus.gap") {
      if (event.data.reason !== "lagged") {
        expect(this.received, "only the first thing read may be a gap of the cursor").toEqual([]);
        return;
      }
      this.#position += event.data.missed;
      this.#told += event.data.missed;
      expect(idOf(this.#expected[this.#position - 1]) ?? event.id).toBe(event.id);
      return;
    }
    expect(expectedOf(event), "in order, nothing twice, nothing left out").toBe(this.#expected[this.#position]);
    this.#position += 1;
    this.received.push(event);
  }

  /** Received + dropped + waiting = replayed + published since it attached. */
  check(): void {
    const { dropped, size } = this.reader;
    expect(this.received.length + dropped + size).toBe(this.#expected.length);
    expect(this.#position + (dropped - this.#told) + size).toBe(this.#expected.length);
  }

  checkEnd(): void {
    expect([this.reader.size, this.asking]).toEqual([0, 0]);
    if (!this.left) expect(this.received.length + this.reader.dropped).toBe(this.#expected.length);
  }
}

function idOf(expected: Expected | undefined): string | undefined {
  return typeof expected === "object" ? expected.id : undefined;
}

/** A bus, what was done to it, and what its readers should see. */
class Scene {
  readonly bus: EventBus;
  readonly dice: Dice;
  readonly abort = new AbortController();
  readonly runIds = ["a", "b", "c"];
  readonly witnesses: Witness[] = [];
  readonly historyPerRun: number;
  readonly #runs = new Map<string, { state: "open" | "closed"; kept: BusEvent[]; all: BusEvent[] }>();
  published = 0;

  constructor(seed: number) {
    setMaxListeners(0, this.abort.signal);
    this.dice = new Dice(seed);
    this.historyPerRun = this.dice.from(1, 20);
    this.bus = new EventBus({
      historyPerRun: this.historyPerRun,
      maxQueueSize: this.dice.from(1, 8),
      transient: ["blip"],
    });
  }

  #tell(runId: string | undefined, event: Expected): void {
    for (const witness of this.witnesses) if (witness.runId === runId) witness.expect(event);
  }

  publish(runId: string): void {
    const type = this.dice.pick(["note", "note", "blip", "agent.tool.started"]);
    const event = this.bus.publish({ runId, type, data: { padding: "x".repeat(this.dice.from(0, 20)) } });
    const run = this.#runs.get(runId) ?? { state: "open", kept: [], all: [] };
    if (run.state === "closed") {
      expect(event).toBeUndefined();
      return;
    }
    if (!this.#runs.has(runId)) this.#tell(undefined, `bus.run.opened ${runId}`);
    this.#runs.set(runId, run);
    this.published += 1;
    run.all.push(taken(event));
    if (type !== "blip") run.kept.push(taken(event));
    if (run.kept.length > this.historyPerRun) run.kept.shift();
    this.#tell(runId, taken(event));
    this.#tell(undefined, taken(event));
    expect(this.bus.history(runId)).toEqual(run.kept);
  }

  close(runId: string): void {
    const run = this.#runs.get(runId);
    expect(this.bus.closeStream(runId)).toBe(run?.state !== "closed");
    if (run?.state === "open" && run.all.length > 0) this.#tell(undefined, `bus.run.closed ${runId}`);
    this.#runs.set(runId, { kept: [], all: [], ...run, state: "closed" });
  }

  drop(runId: string): void {
    const run = this.#runs.get(runId);
    expect(this.bus.dropHistory(runId)).toBe(run !== undefined);
    if (!run) return;
    if (run.state === "open") this.#tell(undefined, `bus.run.closed ${runId}`);
    this.#runs.delete(runId);
    for (const witness of this.witnesses) if (witness.runId === runId) witness.left = true;
  }

  attach(runId: string): void {
    const { dice } = this;
    const types = dice.chance(0.4) ? dice.pick([["note"], ["agent.*"], ["blip", "note"], ["note", "blip"]]) : undefined;
    const run = this.#runs.get(runId);
    const resumed = run && run.all.length > 0 && dice.chance(0.3) ? dice.pick(run.all) : undefined;
    const live = !resumed && dice.chance(0.2);
    const options: SubscribeOptions = {
      ...(types && { types }),
      ...(dice.chance(0.5) && { signal: this.abort.signal }),
      ...(resumed ? { after: resumed.id } : live && { after: "live" }),
      ...(dice.chance(0.2) && { where: () => true }),
    };
    const witness = new Witness(this.bus.subscribe(runId, options), runId, options);
    const from = resumed?.seq ?? 0;
    if (!live) for (const event of run?.kept ?? []) if ((event.seq ?? 0) > from) witness.expect(event);
    this.witnesses.push(witness);
  }

  attachGlobal(): void {
    const types = this.dice.chance(0.4) ? this.dice.pick([["note"], ["bus.*"], ["agent.*"]]) : undefined;
    const options = { ...(types && { types }), ...(this.dice.chance(0.5) && { signal: this.abort.signal }) };
    this.witnesses.push(new Witness(this.bus.subscribeGlobal(options), undefined, options));
  }

  leave(witness: Witness): void {
    if (this.dice.chance(0.5)) witness.reader.close();
    else witness.reader.return();
    witness.left = true;
  }

  act(): void {
    const { dice } = this;
    const runId = dice.pick(this.runIds);
    const witness = this.witnesses.length > 0 ? dice.pick(this.witnesses) : undefined;
    const roll = dice.roll();
    if (roll < 0.5) this.publish(runId);
    else if (roll < 0.6) this.attach(runId);
    else if (roll < 0.63) this.attachGlobal();
    else if (roll < 0.9) witness?.ask(dice.chance(0.25));
    else if (roll < 0.93) witness && this.leave(witness);
    else if (roll < 0.95) this.close(runId);
    else if (roll < 0.97) this.drop(runId);
    else if (roll < 0.972) this.abortSome();
  }

  abortSome(): void {
    this.abort.abort();
    for (const witness of this.witnesses) witness.left ||= witness.signal?.aborted === true;
  }
}

async function play(seed: number, steps: number): Promise<Scene> {
  const scene = new Scene(seed);
  const { dice, witnesses } = scene;
  for (const _ of range(1, steps)) {
    scene.act();
    if (dice.chance(0.2)) {
      await settle();
      for (const witness of witnesses) if (!witness.left) witness.check();
    } else if (dice.chance(0.5)) {
      for (let turns = dice.from(1, 3); turns > 0; turns -= 1) await Promise.resolve();
    }
  }
  return scene;
}

describe("whatever is done in whatever order,", () => {
  it("each reader gets its events in order, none twice, and every loss is told", { timeout: 30_000 }, async () => {
    let lagged = 0;
    for (const seed of range(1, 50)) {
      const scene = await play(seed, 400);
      const { bus, abort, witnesses, published } = scene;
      for (const runId of scene.runIds) scene.close(runId);
      bus.closeGlobal();
      await settle();
      await Promise.all(witnesses.map((witness) => witness.drain()));
      await Promise.all(witnesses.map(({ reader }) => reader.ended));
      for (const witness of witnesses) witness.checkEnd();
      const received = witnesses.reduce((sum, witness) => sum + witness.received.length, 0);
      const dropped = witnesses.reduce((sum, { reader }) => sum + reader.dropped, 0);
      lagged += dropped;
      const stats = bus.stats();
      expect(stats).toMatchObject({ published, delivered: received, dropped, errors: 0 });
      expect(stats).toMatchObject({ runSubscribers: 0, globalSubscribers: 0, queuedEvents: 0 });
      expect(getEventListeners(abort.signal, "abort")).toHaveLength(0);
    }
    expect(lagged, "some readers did fall behind").toBeGreaterThan(1000);
  });

  it("memory stays within its limits, exactly", { timeout: 30_000 }, async () => {
    for (const seed of range(1, 25)) {
      const dice = new Dice(1000 + seed);
      const limits = {
        historyPerRun: dice.from(1, 10),
        maxRuns: dice.from(1, 5),
        maxHistoryBytes: dice.from(2_000, 20_000),
        maxQueueSize: dice.from(1, 6),
        maxOpenRuns: dice.from(1, 6),
        maxRunSubscribers: 20,
      };
      const bus = new EventBus(limits);
      const readers: Subscription[] = [];
      const seqs = new Map<string, number>();
      for (const _ of range(1, 400)) {
        const runId = `run-${dice.from(1, 9)}`;
        const roll = dice.roll();
        if (roll < 0.75) {
          const event = bus.publish({ runId, type: "note", data: { text: "x".repeat(dice.from(0, 900)) } });
          if (event?.seq !== undefined) {
            expect(event.seq, "seq goes up by one, evicted or not").toBe(
              (seqs.get(event.id.split(".")[0] ?? "") ?? 0) + 1,
            );
            seqs.set(event.id.split(".")[0] ?? "", event.seq);
          }
        } else if (roll < 0.8) bus.closeStream(runId);
        else if (roll < 0.86) bus.dropHistory(runId);
        else if (roll < 0.95 && bus.stats().runSubscribers < 20) readers.push(bus.subscribe(runId));
        else if (readers.length > 0) {
          const reader = dice.pick(readers);
          if (reader.size > 0) await reader.next();
          else reader.close();
        }
        checkLimits(bus, limits);
      }
      await bus.shutdown();
      await Promise.all(readers.map(readInOrder));
      expect(bus.stats()).toMatchObject({ runSubscribers: 0, activeRuns: 0, openSpans: 0, errors: 0 });
      for (const { runId } of bus.runs()) bus.dropHistory(runId);
      expect(bus.stats()).toMatchObject({ retainedRuns: 0, historyEvents: 0, historyBytes: 0 });
    }
  });
});

interface Limits {
  readonly historyPerRun: number;
  readonly maxRuns: number;
  readonly maxHistoryBytes: number;
  readonly maxQueueSize: number;
  readonly maxOpenRuns: number;
}

function checkLimits(bus: EventBus, limits: Limits): void {
  const { historyDepths = {}, queueDepths, ...stats } = bus.stats();
  const depths = Object.values(historyDepths);
  const queues = Object.values(queueDepths?.runs ?? {}).flat();
  const within =
    stats.retainedRuns === depths.length &&
    stats.retainedRuns <= limits.maxRuns &&
    stats.historyEvents === depths.reduce((sum, depth) => sum + depth, 0) &&
    depths.every((depth) => depth <= limits.historyPerRun) &&
    stats.historyBytes <= limits.maxHistoryBytes &&
    stats.activeRuns <= limits.maxOpenRuns &&
    queues.length === stats.runSubscribers &&
    stats.queuedEvents === queues.reduce((sum, size) => sum + size, 0) &&
    queues.every((size) => size <= limits.historyPerRun + limits.maxQueueSize);
  expect(within, JSON.stringify({ limits, stats, historyDepths, queueDepths })).toBe(true);
  for (const [runId, depth] of Object.entries(historyDepths)) {
    const seqs = bus.history(runId).map(({ seq }) => seq ?? 0);
    const last = bus.runs().find((run) => run.runId === runId)?.events ?? 0;
    expect(seqs, "the newest, without a hole").toEqual(range(last - depth + 1, last));
  }
}

/** Reads to the end; holes between events are exactly what gaps say. */
async function readInOrder(reader: Subscription): Promise<void> {
  let last: number | undefined;
  let missed = 0;
  for await (const event of reader) {
    if (event.type === "bus.gap") missed += event.data.missed;
    else {
      if (last !== undefined) expect(event.seq).toBe(last + missed + 1);
      last = event.seq;
      missed = 0;
    }
  }
}
