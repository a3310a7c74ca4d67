import type { Arguments, Flags } from "./arguments.js";
import type { Exit } from "./exit-codes.js";
import type { Terminal } from "./terminal.js";

/** One word behind `spanbus`: what it takes, what it does, and all that its help says. */
export interface Command<F extends Flags = Flags> {
  readonly name: string;
  /** What it does, in a line. */
  readonly says: string;
  /** An operand in the help, such as `[url]`, and its meaning. */
  readonly operand?: { readonly name: string; readonly says: string };
  readonly flags: F;
  /** Paragraphs for the help. */
  readonly notes: readonly string[];
  readonly examples: readonly { readonly call: string; readonly says: string }[];
  readonly exits: readonly Exit[];
  /** @throws UsageError for a value that is not allowed. */
  run(given: Arguments<F>, terminal: Terminal): Promise<Exit>;
}
