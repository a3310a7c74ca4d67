import { ReplaySubject } from "rxjs";
import { EventBus } from "spanbus";
import type { Note } from "../inputs/notes.js";
import { LimitBus } from "./limit.js";
import type { Store } from "./store.js";

export function spanbus(): Store {
  const bus = new EventBus();
  return {
    publish: (runId, data) => void bus.publish({ runId, type: "note", data }),
    replay: async (runId) => bus.history(runId).map((event) => event.data as unknown as Note),
  };
}

export function limit(): Store {
  const bus = new LimitBus<Note>();
  return {
    publish: (runId, data) => bus.publish(runId, data),
    replay: async (runId) => {
      for await (const notes of bus.subscribe(runId).batches()) return notes;
      return [];
    },
  };
}

export function replaySubjects(): Store {
  const subjects = new Map<string, ReplaySubject<Note>>();
  const of = (runId: string): ReplaySubject<Note> => {
    let subject = subjects.get(runId);
    if (!subject) {
      subject = new ReplaySubject<Note>(500);
      subjects.set(runId, subject);
    }
    return subject;
  };
  return {
    publish: (runId, data) => of(runId).next(data),
    replay: async (runId) => {
      const notes: Note[] = [];
      of(runId)
        .subscribe((each) => notes.push(each))
        .unsubscribe();
      return notes;
    },
  };
}
