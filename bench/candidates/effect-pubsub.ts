import { Effect, PubSub, Stream } from "effect";
import { turn } from "../harness/clock.js";
import { HISTORY, type Note } from "../inputs/notes.js";
import { type Channel, looping } from "./channel.js";

/** A sliding PubSub with replay, which is the nearest that Effect has. */
export async function pubSub<T>(): Promise<PubSub.PubSub<T>> {
  return Effect.runPromise(PubSub.sliding<T>({ capacity: 1024, replay: HISTORY }));
}

/** A reader of it, once it is attached. */
export function reading<T>(hub: PubSub.PubSub<T>): AsyncIterable<T> {
  return Stream.toAsyncIterable(Stream.fromPubSub(hub));
}

export async function byEvent(): Promise<Channel> {
  const hub = await pubSub<Note>();
  return {
    publish: (note) => void PubSub.publishUnsafe(hub, note),
    read: async (got) => {
      await looping(async () => {
        for await (const each of reading(hub)) got(each);
      });
      // It subscribes when it is first asked.
      await turn();
      await turn();
    },
  };
}
