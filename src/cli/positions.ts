import { eventId, parseCursor } from "../bus/cursor.js";
import type { BusEvent } from "../bus/event.js";
import type { RunInfo } from "../bus/run.js";

interface Position {
  readonly lastId: string;
  /** At the bus, whose clock may differ from the one here. */
  readonly time: number;
}

const MAX_RUNS = 10_000;

/** How far each run was told. Remembers so many runs, those with the newest events. */
export class Positions {
  readonly #runs = new Map<string, Position>();
  #isListed = false;
  /** Latest event of a run that is no longer remembered. */
  #forgottenTime = Number.NEGATIVE_INFINITY;

  /** An event was told. */
  note({ runId, id, seq, time }: BusEvent): void {
    if (seq !== undefined) this.#set(runId, { lastId: id, time });
  }

  /** All that these runs had was told, or is not to be told. */
  noteAll(runs: readonly RunInfo[]): void {
    this.#isListed = true;
    for (const { runId, generation, events, lastTime } of [...runs].reverse())
      this.#set(runId, { lastId: eventId(generation, events), time: lastTime });
  }

  /** From where to read what is not told yet: behind an event, or all that is kept. Undefined: there is nothing. */
  untold({ runId, generation, events, lastTime }: RunInfo): { readonly after?: string } | undefined {
    const lastId = this.#runs.get(runId)?.lastId;
    if (lastId === undefined) return this.#isListed && lastTime > this.#forgottenTime ? {} : undefined;
    const last = parseCursor(lastId);
    const hasMore = last?.generation !== generation || last.seq < events;
    return hasMore ? { after: lastId } : undefined;
  }

  #set(runId: string, position: Position): void {
    this.#runs.delete(runId);
    this.#runs.set(runId, position);
    if (this.#runs.size <= MAX_RUNS) return;
    for (const [oldest, { time }] of this.#runs) {
      this.#runs.delete(oldest);
      this.#forgottenTime = Math.max(this.#forgottenTime, time);
      return;
    }
  }
}
