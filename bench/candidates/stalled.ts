import { EventEmitter, on } from "node:events";
import { Effect, PubSub, Scope } from "effect";
import { pushable } from "it-pushable";
import { EventBus } from "spanbus";
import { turn } from "../harness/clock.js";
import type { Note } from "../inputs/notes.js";
import { looping } from "./channel.js";
import { pubSub, reading } from "./effect-pubsub.js";
import { LimitBus } from "./limit.js";

/** One reader that reads, and one that never does. */
export interface Stalled {
  publish(note: Note): void;
  /** What the stalled reader lost, where that is counted. */
  dropped(): number | undefined;
}

export type OpenStalled = (got: (note: Note) => void) => Promise<Stalled>;

const RUN = "run";

export const spanbus: OpenStalled = async (got) => {
  const bus = new EventBus();
  const asleep = bus.subscribe(RUN);
  await looping(async () => {
    for await (const event of bus.subscribe(RUN)) got(event.data as unknown as Note);
  });
  return {
    publish: (data) => void bus.publish({ runId: RUN, type: "note", data }),
    dropped: () => asleep.dropped,
  };
};

export const limit: OpenStalled = async (got) => {
  const bus = new LimitBus<Note>();
  const asleep = bus.subscribe(RUN);
  await looping(async () => {
    for await (const each of bus.subscribe(RUN)) got(each);
  });
  return { publish: (note) => bus.publish(RUN, note), dropped: () => asleep.dropped };
};

export const eventsOn: OpenStalled = async (got) => {
  const emitter = new EventEmitter();
  on(emitter, "note");
  await looping(async () => {
    for await (const [each] of on(emitter, "note")) got(each as Note);
  });
  return { publish: (note) => void emitter.emit("note", note), dropped: () => undefined };
};

export const itPushable: OpenStalled = async (got) => {
  const asleep = pushable<Note>({ objectMode: true });
  const awake = pushable<Note>({ objectMode: true });
  await looping(async () => {
    for await (const each of awake) got(each);
  });
  return {
    publish: (note) => {
      asleep.push(note);
      awake.push(note);
    },
    dropped: () => undefined,
  };
};

/** Published with its sliding strategy: full, it lets go of the oldest. */
export const effect: OpenStalled = async (got) => {
  const hub = await pubSub<Note>();
  Effect.runSync(Scope.provide(PubSub.subscribe(hub), Scope.makeUnsafe()));
  await looping(async () => {
    for await (const each of reading(hub)) got(each);
  });
  await turn();
  return { publish: (note) => void Effect.runSync(PubSub.publish(hub, note)), dropped: () => undefined };
};
