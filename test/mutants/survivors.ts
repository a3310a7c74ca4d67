/** Changes that no test can notice, or none should, by file; each is `before → after`. */
export const survivors: Readonly<Record<string, readonly Survivors[]>> = {};

export interface Survivors {
  readonly why: string;
  readonly changes: readonly string[];
}
