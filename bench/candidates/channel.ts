import type { Note } from "../inputs/notes.js";

/** What readers read: one run of a bus, or what a peer has in its place. */
export interface Channel {
  publish(note: Note): void;
  /** Starts a reader, which calls `got` for each event; resolves when it is attached. */
  read(got: (note: Note) => void): Promise<void>;
}

/** Starts a loop that never ends while it is measured. */
export function looping(loop: () => Promise<void>): Promise<void> {
  loop().catch((error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.stack : error}\n`);
    process.exit(1);
  });
  return Promise.resolve();
}
