import type { BusEvent } from "../bus/event.js";
import { encodeEvent } from "../wire/event-json.js";
import { Depths } from "./depths.js";
import { eventLine, type LineStyle, line } from "./event-line.js";
import { runOver } from "./event-words.js";
import { plainJson } from "./plain-text.js";
import type { Terminal } from "./terminal.js";

/** Writes events as lines: for people, or as NDJSON. */
export class Printer {
  readonly #terminal: Terminal;
  readonly #json: boolean;
  readonly #withRun: boolean;
  readonly #depths = new Depths();

  constructor(terminal: Terminal, { json, withRun }: { readonly json: boolean; readonly withRun: boolean }) {
    this.#terminal = terminal;
    this.#json = json;
    this.#withRun = withRun;
  }

  /** Those of the events that are shown; the others still say how deep these stand. */
  async print(events: readonly BusEvent[], isShown: (event: BusEvent) => boolean): Promise<void> {
    const lines = events.map((event) => {
      const line = this.#line(event);
      return isShown(event) ? `${line}\n` : "";
    });
    await this.#terminal.write(lines.join(""));
  }

  /** The last line of a run, for people only: a program has the exit code. */
  async over(runId: string, outcome: unknown): Promise<void> {
    if (this.#json) return;
    const told = { time: Date.now(), runId, depth: 0, words: runOver(outcome) };
    await this.#terminal.write(`${line(told, this.#style)}\n`);
  }

  #line(event: BusEvent): string {
    if (this.#json) return plainJson(encodeEvent(event));
    return eventLine(event, this.#depths.of(event), this.#style);
  }

  /** Asked anew: a terminal changes its width. */
  get #style(): LineStyle {
    const { isColoured, columns } = this.#terminal;
    return { isColoured, columns, withRun: this.#withRun };
  }
}
