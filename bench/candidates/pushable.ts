import { pushable, pushableV } from "it-pushable";
import { ReplaySubject } from "rxjs";
import { HISTORY, type Note } from "../inputs/notes.js";
import { type Channel, looping } from "./channel.js";

const MAX_QUEUE = 1024;

/** One queue per reader, read in batches. */
export async function byBatch(): Promise<Channel> {
  const queues: { push(note: Note): unknown }[] = [];
  return {
    publish: (note) => {
      for (const queue of queues) queue.push(note);
    },
    read: (got) => {
      const queue = pushableV<Note>({ objectMode: true });
      queues.push(queue);
      return looping(async () => {
        for await (const notes of queue) for (const each of notes) got(each);
      });
    },
  };
}

/** What the two together can do of the bus, for one run: RxJS keeps the history, it-pushable the queues, bounded by hand. */
export async function composed(): Promise<Channel> {
  const subject = new ReplaySubject<Note>(HISTORY);
  return {
    publish: (note) => subject.next(note),
    read: (got) => {
      const queue = pushable<Note>({ objectMode: true });
      let dropped = 0;
      subject.subscribe((note) => {
        if (queue.readableLength < MAX_QUEUE) queue.push(note);
        else dropped += 1;
      });
      return looping(async () => {
        for await (const each of queue) got(each);
        if (dropped > 0) throw new Error("lagged");
      });
    },
  };
}
