import type { Pattern } from "./convention.js";

/**
 * The first letters of some texts: a cheap look that spares the dear ones. Almost no key and no name of an application's
 * other spans begins like those of agents.
 */
export class Initials {
  readonly #codes: boolean[] = [];
  /** A pattern that begins with its `*` fits any first letter. */
  #any = false;

  add(pattern: Pattern): void {
    if (pattern.startsWith("*")) this.#any = true;
    else this.#codes[pattern.charCodeAt(0)] = true;
  }

  fit(text: string): boolean {
    return this.#any || this.#codes[text.charCodeAt(0)] === true;
  }
}
