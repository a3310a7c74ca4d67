import { Effect, PubSub } from "effect";
import { ReplaySubject } from "rxjs";
import { EventBus } from "spanbus";
import { HISTORY, type Note, note } from "../inputs/notes.js";
import { pubSub, reading } from "./effect-pubsub.js";
import { LimitBus } from "./limit.js";

/** Reads a history of 500 as one who comes late, and leaves. */
export type Replay = (got: (note: Note) => void) => Promise<void>;

const RUN = "run";

function filledBus(): EventBus {
  const bus = new EventBus();
  for (let n = 1; n <= HISTORY; n += 1) bus.publish({ runId: RUN, type: "note", data: note(n) });
  return bus;
}

export function spanbusByBatch(): Replay {
  const bus = filledBus();
  return async (got) => {
    let received = 0;
    for await (const events of bus.subscribe(RUN).batches()) {
      for (const event of events) got(event.data as unknown as Note);
      received += events.length;
      if (received === HISTORY) break;
    }
  };
}

export function spanbusByEvent(): Replay {
  const bus = filledBus();
  return async (got) => {
    let received = 0;
    for await (const event of bus.subscribe(RUN)) {
      got(event.data as unknown as Note);
      received += 1;
      if (received === HISTORY) break;
    }
  };
}

function filledLimit(): LimitBus<Note> {
  const bus = new LimitBus<Note>();
  for (let n = 1; n <= HISTORY; n += 1) bus.publish(RUN, note(n));
  return bus;
}

export function limitByBatch(): Replay {
  const bus = filledLimit();
  return async (got) => {
    for await (const notes of bus.subscribe(RUN).batches()) {
      for (const each of notes) got(each);
      break;
    }
  };
}

export function limitByEvent(): Replay {
  const bus = filledLimit();
  return async (got) => {
    let received = 0;
    for await (const each of bus.subscribe(RUN)) {
      got(each);
      received += 1;
      if (received === HISTORY) break;
    }
  };
}

export function replaySubject(): Replay {
  const subject = new ReplaySubject<Note>(HISTORY);
  for (let n = 1; n <= HISTORY; n += 1) subject.next(note(n));
  return async (got) => subject.subscribe(got).unsubscribe();
}

export async function effect(): Promise<Replay> {
  const hub = await pubSub<Note>();
  for (let n = 1; n <= HISTORY; n += 1) Effect.runSync(PubSub.publish(hub, note(n)));
  return async (got) => {
    let received = 0;
    for await (const each of reading(hub)) {
      got(each);
      received += 1;
      if (received === HISTORY) break;
    }
  };
}
