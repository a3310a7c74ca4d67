import { EventBus } from "spanbus";
import type { Note } from "../inputs/notes.js";
import { type Channel, looping } from "./channel.js";

const RUN = "run";

function open(): { bus: EventBus; publish(note: Note): void } {
  const bus = new EventBus();
  return { bus, publish: (data) => void bus.publish({ runId: RUN, type: "note", data }) };
}

/** Read event by event. */
export async function byEvent(): Promise<Channel> {
  const { bus, publish } = open();
  return {
    publish,
    read: (got) =>
      looping(async () => {
        for await (const event of bus.subscribe(RUN)) got(event.data as unknown as Note);
      }),
  };
}

/** Read in batches. */
export async function byBatch(): Promise<Channel> {
  const { bus, publish } = open();
  return {
    publish,
    read: (got) =>
      looping(async () => {
        for await (const events of bus.subscribe(RUN).batches()) {
          for (const event of events) got(event.data as unknown as Note);
        }
      }),
  };
}
