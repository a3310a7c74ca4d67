import type { BusEvent } from "../../bus/event.js";
import type { RunInfo } from "../../bus/run.js";
import { Tally } from "../../bus/tally.js";
import { knownOutcome } from "../../client/known-outcome.js";
import { dataOf, textOf } from "./event-data.js";

/** A run in the list: what the endpoint said of it last, and what its events said since. */
export type RunRow = { -readonly [Key in keyof Omit<RunInfo, "owned">]: Omit<RunInfo, "owned">[Key] };

const tallied = ["modelCalls", "toolCalls", "failedToolCalls", "inputTokens", "outputTokens"] as const;

const MAX_RUNS = 1000;

/** The runs, newest first. The list of the endpoint is right; events keep it so until it is asked again. */
export class RunList {
  #runs = new Map<string, RunRow>();
  #found: readonly RunRow[] | undefined;
  #words: readonly string[] = [];

  get size(): number {
    return this.#runs.size;
  }

  run(runId: string): RunRow | undefined {
    return this.#runs.get(runId);
  }

  /** What the endpoint says: what it does not name is gone. */
  replace(runs: readonly RunInfo[]): void {
    this.#runs = new Map(runs.slice(0, MAX_RUNS).map((run) => [run.runId, { ...run }]));
    this.#found = undefined;
  }

  /** An event of the stream of all runs. */
  add(event: BusEvent): void {
    if (event.type === "bus.gap") return;
    this.#found = undefined;
    if (event.type === "bus.run.opened") this.#runs.delete(event.runId);
    const run = this.#runs.get(event.runId) ?? this.#begin(event);
    if (event.type === "bus.run.opened") return;
    run.lastTime = Math.max(run.lastTime, event.time);
    if (event.type === "bus.run.closed") {
      run.state = "closed";
      run.outcome = knownOutcome(event.data.outcome) ?? "unknown";
      run.openSpans = 0;
    } else if (event.seq > run.events) count(run, event, event.seq);
  }

  /** Shows only runs in whose ids, name, outcome or traces each of the words is. */
  search(text: string): void {
    this.#words = text.toLowerCase().split(/\s+/).filter(Boolean);
    this.#found = undefined;
  }

  /** Those that were searched for, begun last first: a list that is read must not jump with every event. */
  found(): readonly RunRow[] {
    this.#found ??= [...this.#runs.values()]
      .filter((run) => this.#isFound(run))
      .sort((a, b) => b.startTime - a.startTime || (a.runId < b.runId ? -1 : 1));
    return this.#found;
  }

  #isFound({ runId, agentName, conversationId, state, outcome, traceIds }: RunRow): boolean {
    if (this.#words.length === 0) return true;
    const text = [runId, agentName, conversationId, outcome ?? state, ...traceIds].join(" ").toLowerCase();
    return this.#words.every((word) => text.includes(word));
  }

  #begin({ runId, time }: BusEvent): RunRow {
    const run: RunRow = {
      runId,
      generation: "",
      state: "open",
      traceIds: [],
      startTime: time,
      lastTime: time,
      events: 0,
      subscribers: 0,
      openSpans: 0,
      modelCalls: 0,
      toolCalls: 0,
      failedToolCalls: 0,
      inputTokens: 0,
      outputTokens: 0,
    };
    this.#runs.set(runId, run);
    if (this.#runs.size > MAX_RUNS) this.#runs.delete(this.#runs.keys().next().value ?? "");
    return run;
  }
}

function count(run: RunRow, event: BusEvent, seq: number): void {
  run.events = seq;
  const tally = new Tally();
  tally.add(event);
  for (const figure of tallied) run[figure] += tally[figure];
  if (event.type === "agent.invocation.started" && run.agentName === undefined) {
    const name = textOf(dataOf(event)["agentName"]);
    if (name !== undefined) run.agentName = name;
  }
}
