import type { Exit } from "./exit-codes.js";

const exitBySignal = { SIGINT: "interrupted", SIGTERM: "terminated" } as const satisfies Record<string, Exit>;

/** Until `off`, the first SIGINT or SIGTERM aborts with its exit as the reason; a second one ends the process. */
export interface Signals {
  readonly signal: AbortSignal;
  /** How the user ended it, if that is what happened. */
  readonly exit: Exit | undefined;
  off(): void;
}

export function untilSignal(): Signals {
  const controller = new AbortController();
  const listener = (name: keyof typeof exitBySignal): void => {
    exit = exitBySignal[name];
    off();
    controller.abort();
  };
  const names = Object.keys(exitBySignal) as (keyof typeof exitBySignal)[];
  const off = (): void => {
    for (const name of names) process.off(name, listener);
  };
  let exit: Exit | undefined;
  for (const name of names) process.on(name, listener);
  return {
    signal: controller.signal,
    get exit() {
      return exit;
    },
    off,
  };
}
