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
  #fault: Error | undefined;

  constructor(output: Output, notes: Output, environment: Environment) {
    this.#output = output;
    this.#notes = notes;
    this.isColoured = wantsColours(output, environment);
    output.on("error", (error) => this.#failed(error));
    notes.on("error", () => undefined);
  }

  /** Aborted when nobody takes the output any more, or it cannot be written. */
  get gone(): AbortSignal {
    return this.#gone.signal;
  }

  /** Why the output could not be written. */
  get fault(): Error | undefined {
    return this.#fault;
  }

  /** Nothing more is written, and what waits for a slow pipe is not waited for. */
  leave(): void {
    this.#gone.abort();
  }

  /** It was left, and holds what a slow pipe did not take: it keeps the process. */
  get isStuck(): boolean {
    return this.#gone.signal.aborted && this.#output.writableLength > 0;
  }

  /** Columns of a terminal; undefined for a file or a pipe, and for a terminal without a size, which tells 0. */
  get columns(): number | undefined {
    return this.#output.isTTY ? (this.#output as WriteStream).columns || undefined : undefined;
  }

  /** Resolves when the output has taken it, or takes nothing any more: a slow pipe slows its writer. */
  write(text: string): Promise<void> {
    const gone = this.#gone.signal;
    if (gone.aborted || text === "") return Promise.resolve();
    return new Promise((resolve) => {
      const over = (): void => {
        gone.removeEventListener("abort", over);
        resolve();
      };
      gone.addEventListener("abort", over);
      this.#output.write(text, (error) => {
        if (error) this.#failed(error);
        over();
      });
    });
  }

  /** A line on standard error. */
  note(text: string): void {
    this.#notes.write(`spanbus: ${plain(text)}\n`);
  }

  #failed(error: NodeJS.ErrnoException): void {
    if (error.code !== "EPIPE") this.#fault ??= error;
    this.#gone.abort();
  }
}

/** `FORCE_COLOR` says yes, `NO_COLOR` no, in this order as in Node; else a terminal gets colours. */
function wantsColours({ isTTY }: Output, { FORCE_COLOR, NO_COLOR, TERM }: Environment): boolean {
  if (FORCE_COLOR !== undefined) return !["0", "false"].includes(FORCE_COLOR);
  if (NO_COLOR) return false;
  return isTTY === true && TERM !== "dumb";
}
