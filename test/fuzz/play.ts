import { isDeepStrictEqual } from "node:util";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { EventBus, type EventBusOptions, type EventDraft } from "spanbus";
import { Dice } from "../dice.js";
import { Application, type Clock, type Processor, type Sdk } from "./application.js";
import { Witness } from "./promises.js";

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

/** What an application does in one program. */
const STEPS = 150;

/** Makes the providers of a generation, with these processors in this order. */
export type SdkOf = (processors: readonly Processor[]) => Sdk;

/** What is left of a program when it is over. */
interface Remains {
  /** It is still there, so that its spans would be if it held them. */
  readonly bus: EventBus;
  readonly spans: readonly WeakRef<object>[];
  /** What was not as promised. */
  readonly complaints: readonly string[];
  readonly events: number;
}

/** Plays the programs of so many seeds. What was not as promised in the first that was not, and how to play that one again. */
export async function playAll(seed: number, programs: number, sdkOf: SdkOf): Promise<readonly string[]> {
  const remains: Remains[] = [];
  for (let n = 0; n < programs; n += 1) {
    const one = await play(seed + n, sdkOf, STEPS);
    if (one.complaints.length > 0) return [`FC_SEED=${seed + n} plays it again`, ...one.complaints];
    remains.push(one);
  }
  const events = remains.reduce((sum, each) => sum + each.events, 0);
  if (events < programs * 40) return [`${programs} programs came to only ${events} events`];
  for (let round = 0; round < 5; round += 1) {
    await new Promise((resolve) => setImmediate(resolve));
    collectGarbage();
  }
  const held = remains.flatMap(({ spans }) => spans.filter((span) => span.deref() !== undefined)).length;
  return held === 0 ? [] : [`FC_SEED=${seed}: ${held} spans are still held when everything is over`];
}

/** Every fifth program runs while somebody sets the clock, mostly back. */
async function play(seed: number, sdkOf: SdkOf, steps: number): Promise<Remains> {
  if (seed % 5 > 0) return playOnce(seed, sdkOf, steps);
  const { now } = Date;
  const dice = new Dice(seed);
  let shift = 0;
  Date.now = () => {
    if (dice.chance(0.05)) shift = dice.from(-3_600_000, 60_000);
    return now() + shift;
  };
  try {
    return await playOnce(seed, sdkOf, steps);
  } finally {
    Date.now = now;
  }
}

/** Plays the program of a seed with a bus and without, and compares. */
async function playOnce(seed: number, sdkOf: SdkOf, steps: number): Promise<Remains> {
  const alone = new Recorder();
  const without = new Application(new Dice(seed), sdkOf([alone]), undefined);
  await without.play(steps);

  const options = optionsOf(new Dice(seed + 1));
  const bus = new EventBus(options);
  const clock: Clock = { moment: 0 };
  const witness = new Witness(bus, clock);
  const beside = new Recorder();
  const processor = bus as unknown as Processor;
  // Some register it twice.
  const processors = seed % 7 === 0 ? [processor, processor, beside] : [processor, beside];
  const application = new Application(new Dice(seed), sdkOf(processors), bus, clock);
  await application.play(steps);
  await bus.forceFlush();
  if (seed % 8 === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  for (const { runId } of bus.runs()) bus.closeStream(runId);
  const linked = options.maxOpenSpans === undefined && !options.redact;
  const promises = { complete: !options.redact, linked, content: options.content ?? "preview" };
  const complaints = [...witness.complaints(application, promises)];
  for (const [index, call] of without.calls.entries())
    if (application.calls[index] !== call)
      complaints.push(`call ${index}: ${application.calls[index]}, and without a bus: ${call}`);
  if (!isDeepStrictEqual(beside.pictures(), alone.pictures()))
    complaints.push(difference(beside.pictures(), alone.pictures()));
  await bus.shutdown();
  await Promise.resolve();
  const { runSubscribers, queuedEvents, openSpans } = bus.stats();
  // Readers that nobody reads wait for their time limit.
  if (openSpans > 0 || (runSubscribers === 0 && queuedEvents > 0))
    complaints.push(`${openSpans} spans are open after the shutdown`);
  if (complaints.length > 0)
    complaints.push(`of a bus with ${JSON.stringify(Object.keys(options))} ${JSON.stringify(options)}`);
  const spans = application.made.map(({ span }) => new WeakRef<object>(span));
  return { bus, spans, complaints, events: witness.events.length };
}

function optionsOf(dice: Dice): EventBusOptions {
  const broken = (): never => {
    throw new Error("a callback of the application");
  };
  return {
    content: dice.pick(["none", "none", "preview", "full"] as const),
    include: dice.pick([
      "agent",
      "agent",
      "all",
      ({ name }: { name: string }) => (name === "" ? broken() : name.length % 2 === 0),
    ] as const),
    ...(dice.chance(0.3) && { maxOpenSpans: dice.from(1, 20) }),
    ...(dice.chance(0.3) && { maxOpenRuns: dice.from(1, 4) }),
    ...(dice.chance(0.3) && { maxRuns: dice.from(1, 4), historyPerRun: dice.from(1, 20) }),
    ...(dice.chance(0.3) && { maxHistoryBytes: dice.from(1, 50_000) }),
    ...(dice.chance(0.5) && { acceptRemoteRun: true }),
    ...(dice.chance(0.3) && { attributes: (name: string) => (name.length === 0 ? broken() : true) }),
    ...(dice.chance(0.2) && {
      runId: ({ name }: { name: string }) =>
        name.length % 3 === 0 ? broken() : name.length % 3 === 1 ? "r1" : undefined,
    }),
    ...(dice.chance(0.2) && {
      redact: (draft: EventDraft) => (dice.chance(0.1) ? undefined : dice.chance(0.1) ? broken() : draft),
    }),
    closeGraceMillis: dice.pick([1, 10_000]),
  };
}

/** Another processor behind the bus: what it sees of each span. */
class Recorder implements Processor {
  readonly #seen: unknown[] = [];

  onStart(span: never): void {
    this.#seen.push(pictureOf(span));
  }

  onEnd(span: never): void {
    this.#seen.push(pictureOf(span));
  }

  onEmit(record: never): void {
    this.#seen.push(pictureOf(record));
  }

  pictures(): readonly unknown[] {
    return this.#seen;
  }

  async forceFlush(): Promise<void> {}

  async shutdown(): Promise<void> {}
}

/** All that an exporter would send but ids and times, which differ from one time to the next, and what an application lists. */
function pictureOf(signal: Record<string, unknown>): unknown {
  const { name, kind, attributes, events, status, links, ended, eventName, body } = signal;
  const { droppedAttributesCount, droppedEventsCount } = signal;
  return [
    Object.keys(signal).sort(),
    ...[name, kind, attributes, status, links, ended, eventName, body, droppedAttributesCount, droppedEventsCount].map(
      (each) => copy(each),
    ),
    Array.isArray(events) ? events.map((event) => [event.name, copy(event.attributes)]) : undefined,
  ];
}

function copy(value: unknown, depth = 0): unknown {
  // Stack traces differ, too.
  if (typeof value === "string") return value.replace(/\n +at .*/s, "");
  if (typeof value === "symbol" || typeof value === "function") return String(value);
  if (typeof value !== "object" || value === null || depth > 6) return typeof value === "object" ? "…" : value;
  try {
    return Object.entries(value)
      .slice(0, 400)
      .map(([key, each]) => [key, copy(each, depth + 1)]);
  } catch (error) {
    return String(error);
  }
}

/** The place at which two pictures differ, and what is there. */
function difference(got: unknown, want: unknown, path = ""): string {
  if (Array.isArray(got) && Array.isArray(want)) {
    const at = Array.from({ length: Math.max(got.length, want.length) }, (_, index) => index).find(
      (index) => !isDeepStrictEqual(got[index], want[index]),
    );
    if (at !== undefined) return difference(got[at], want[at], `${path}[${at}]`);
  }
  return `another processor sees ${String(got).slice(0, 200)} at ${path}, and without a bus ${String(want).slice(0, 200)}`;
}
