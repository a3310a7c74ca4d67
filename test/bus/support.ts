import { type DiagLogger, diag } from "@opentelemetry/api";
import type { BusEvent, EventBus, Subscription } from "spanbus";
import { afterEach, vi } from "vitest";

export { Dice } from "../dice.js";

/** Publishes the notes numbered `from` to `to` into a run. */
export function publishNotes(bus: EventBus, runId: string, from: number, to = from): BusEvent[] {
  const events: BusEvent[] = [];
  for (let n = from; n <= to; n += 1) events.push(publishNote(bus, runId, n));
  return events;
}

export function publishNote(bus: EventBus, runId: string, n: number, type = "note"): BusEvent {
  return taken(bus.publish({ runId, type, data: { n } }));
}

/** Whether an event is of this type, for names that are the test's own. */
export function isOfType(type: string): (event: BusEvent) => boolean {
  return (event) => String(event.type) === type;
}

/** The event of a publish that must not be refused. */
export function taken(event: BusEvent | undefined): BusEvent {
  if (!event) throw new Error("the event was refused");
  return event;
}

/** What the reader has before it would have to wait. */
export async function readWaiting(reader: Subscription): Promise<BusEvent[]> {
  const events: BusEvent[] = [];
  while (reader.size > 0 || !reader.caughtUp) {
    const { done, value } = await reader.next();
    if (done) break;
    events.push(value);
  }
  return events;
}

/** Everything up to the end of the stream. */
export async function readToEnd(reader: AsyncIterable<BusEvent>): Promise<BusEvent[]> {
  const events: BusEvent[] = [];
  for await (const event of reader) events.push(event);
  return events;
}

/** The next `count` events, waiting for them. */
export async function read(reader: Subscription, count: number): Promise<BusEvent[]> {
  const events: BusEvent[] = [];
  while (events.length < count) {
    const { done, value } = await reader.next();
    if (done) throw new Error(`the stream ended after ${events.length} of ${count} events`);
    events.push(value);
  }
  return events;
}

export async function readOne(reader: Subscription): Promise<BusEvent> {
  const [event] = await read(reader, 1);
  return taken(event);
}

/** Events as a test speaks of them: the number of a note, `gap 3` for three missed, else the type. */
export function shown(events: readonly BusEvent[]): (number | string)[] {
  return events.map((event) => {
    if (event.type === "bus.gap") return `gap ${event.data.missed}`;
    const { n } = event.data as Record<string, unknown>;
    return typeof n === "number" ? n : event.type;
  });
}

export function typesOf(events: readonly BusEvent[]): string[] {
  return events.map(({ type }) => type);
}

export function dataOf(event: BusEvent | undefined): Record<string, unknown> {
  return taken(event).data as unknown as Record<string, unknown>;
}

export function isDeeplyFrozen(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return true;
  return Object.isFrozen(value) && Object.values(value).every(isDeeplyFrozen);
}

/** The whole numbers from `first` to `last`. */
export function range(first: number, last: number): number[] {
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, index) => first + index);
}

export function generationOf(event: BusEvent): string {
  return event.id.slice(0, event.id.lastIndexOf("."));
}

/** Lets everything that is ready happen; no timer fires. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
}

/** Whether the promise settles without a timer. */
export async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  let settled = false;
  promise.then(
    () => {
      settled = true;
    },
    () => {
      settled = true;
    },
  );
  await settle();
  return settled;
}

/** Puts all clocks and timers of the bus under the test's control until the test is over. */
export function stopTheClock(): void {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance", "Date"] });
}

/** Undoes what a test may have changed for all. */
export function restoreAfterEach(): void {
  afterEach(() => {
    vi.useRealTimers();
    diag.disable();
  });
}

/** Collects what is told through `diag`; `failing` throws instead, as a broken logger would. */
export function listenToDiag({ failing = false } = {}): string[] {
  const messages: string[] = [];
  const log = (message: string, ...details: unknown[]): void => {
    messages.push([message, ...details.map(String)].join(": "));
    if (failing) throw new Error("the logger is broken");
  };
  const logger: DiagLogger = { error: log, warn: log, info: log, debug: log, verbose: log };
  diag.setLogger(logger, { suppressOverrideMessage: true });
  messages.length = 0;
  return messages;
}
