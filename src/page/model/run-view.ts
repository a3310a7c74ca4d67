import type { BusEvent } from "../../bus/event.js";
import { Tally } from "../../bus/tally.js";
import { dataOf, errorOf, textOf } from "./event-data.js";
import { EventList } from "./event-list.js";
import { SpanTree } from "./span-tree.js";
import { gapWords } from "./summary.js";

/** A place in the run at which events are missing. */
export interface Loss {
  readonly id: string;
  readonly time: number;
  readonly words: string;
}

const MAX_LOSSES = 100;

/** One run, as its events tell it. */
export class RunView {
  readonly runId: string;
  readonly spans = new SpanTree();
  readonly events = new EventList();
  /** What its events add up to, for when no list says it. */
  readonly tally = new Tally();
  readonly #losses: Loss[] = [];
  agentName: string | undefined;
  error: { readonly type: string; readonly message: string } | undefined;
  startTime: number | undefined;
  lastTime: number | undefined;
  #outcome: string | undefined;

  constructor(runId: string) {
    this.runId = runId;
  }

  /** How it ended; not there while it goes on. */
  get outcome(): string | undefined {
    return this.#outcome;
  }

  get losses(): readonly Loss[] {
    return this.#losses;
  }

  add(event: BusEvent): void {
    this.events.add(event);
    if (event.type === "bus.gap") {
      this.#losses.push({ id: event.id, time: this.lastTime ?? event.time, words: gapWords(dataOf(event)) });
      if (this.#losses.length > MAX_LOSSES) this.#losses.shift();
      return;
    }
    this.spans.add(event);
    const began = this.spans.span(event.spanId ?? "")?.startTime ?? event.time;
    this.startTime = Math.min(this.startTime ?? began, began, event.time);
    this.lastTime = Math.max(this.lastTime ?? event.time, event.time);
    this.tally.add(event);
    this.#remark(event);
  }

  /** The run is over. */
  close(outcome: string): void {
    this.#outcome = outcome;
    if (this.lastTime !== undefined) this.spans.seal(this.lastTime);
  }

  #remark(event: BusEvent): void {
    const data = dataOf(event);
    if (event.type === "agent.terminate") this.error = errorOf(data);
    else if (event.type === "agent.invocation.started" || event.type === "agent.workflow.started")
      this.agentName ??= textOf(data["agentName"]) ?? textOf(data["name"]);
  }
}
