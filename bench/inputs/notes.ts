/** A small event, as an application might publish it. */
export interface Note {
  readonly n: number;
  readonly tool: string;
  readonly ok: boolean;
}

/** Events that are kept of a run. */
export const HISTORY = 500;

export function note(n: number): Note {
  return { n, tool: "get_weather", ok: true };
}

/** The id of one of many runs. */
export function runId(index: number): string {
  return `run-${index}`;
}

/** Throws unless these are the numbers from `from` on, in order. */
export function expectNumbers(numbers: readonly number[], from: number, count: number): void {
  if (numbers.length !== count) throw new Error(`${numbers.length} events instead of ${count}`);
  numbers.forEach((n, index) => {
    if (n !== from + index) throw new Error(`event ${n} instead of ${from + index}`);
  });
}
