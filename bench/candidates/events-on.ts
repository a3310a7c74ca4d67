import { EventEmitter, on } from "node:events";
import type { Note } from "../inputs/notes.js";
import { type Channel, looping } from "./channel.js";

/** `events.on`, the async iterator of Node. */
export async function byEvent(): Promise<Channel> {
  const emitter = new EventEmitter().setMaxListeners(0);
  return {
    publish: (note) => void emitter.emit("note", note),
    read: (got) =>
      looping(async () => {
        for await (const [each] of on(emitter, "note")) got(each as Note);
      }),
  };
}
