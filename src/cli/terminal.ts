import { once } from "node:events";
import type { WriteStream } from "node:tty";
import { plain } from "./plain-text.js";

type Output = NodeJS.WriteStream;
type Environment = Readonly<Record<string, string | undefined>>;

/** Where a command writes: its output, and notes beside it. */
export class Terminal {
  readonly isColoured: boolean;
  readonly #output: Output;
  readonly #notes: Output;
  readonly #gone = new AbortController();

  constructor(output: Output, notes: Output, environment: Environment) {
    this.#output = output;
    this.#notes = notes;
    this.isColoured = wantsColours(output, environment);
    output.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code !== "EPIPE") throw error;
      this.#gone.abort();
    });
    notes.on("error", () => undefined);
  }

  /** Aborted when nobody takes the output any more. */
  get gone(): AbortSignal {
    return this.#gone.signal;
  }

  /** Columns of a terminal; undefined for a file or a pipe. */
  get columns(): number | undefined {
    return this.#output.isTTY ? (this.#output as WriteStream).columns : undefined;
  }

  /** Resolves when the output takes more: a slow pipe slows its writer. */
  async write(text: string): Promise<void> {
    if (this.#gone.signal.aborted || text === "" || this.#output.write(text)) return;
    // Rejects only when the output is gone.
    await once(this.#output, "drain", { signal: this.#gone.signal }).catch(() => undefined);
  }

  /** A line on standard error. */
  note(text: string): void {
    this.#notes.write(`spanbus: ${plain(text)}\n`);
  }
}

/** `FORCE_COLOR` says yes, `NO_COLOR` no, in this order as in Node; else a terminal gets colours. */
function wantsColours({ isTTY }: Output, { FORCE_COLOR, NO_COLOR, TERM }: Environment): boolean {
  if (FORCE_COLOR !== undefined) return !["0", "false"].includes(FORCE_COLOR);
  if (NO_COLOR) return false;
  return isTTY === true && TERM !== "dumb";
}
