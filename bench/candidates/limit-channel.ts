import type { Note } from "../inputs/notes.js";
import { type Channel, looping } from "./channel.js";
import { LimitBus } from "./limit.js";

const RUN = "run";

export async function byEvent(): Promise<Channel> {
  const bus = new LimitBus<Note>();
  return {
    publish: (note) => bus.publish(RUN, note),
    read: (got) =>
      looping(async () => {
        for await (const each of bus.subscribe(RUN)) got(each);
      }),
  };
}

export async function byBatch(): Promise<Channel> {
  const bus = new LimitBus<Note>();
  return {
    publish: (note) => bus.publish(RUN, note),
    read: (got) =>
      looping(async () => {
        for await (const notes of bus.subscribe(RUN).batches()) for (const each of notes) got(each);
      }),
  };
}
