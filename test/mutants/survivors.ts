/** Changes that no test notices, by file, and why that is right. A change stands in brackets, with a little of what is around it. */
export const survivors: Readonly<Record<string, readonly Survivors[]>> = {};

export interface Survivors {
  readonly why: string;
  readonly changes: readonly string[];
}
