import { fields } from "../bus/catalogue.js";
import type { Convention, ConventionField } from "./convention.js";
import { PatternMap } from "./pattern.js";
import { keyOf } from "./sources.js";

const watchedFields: readonly ConventionField[] = [
  "inputTokens",
  "outputTokens",
  "totalTokens",
  "cacheReadTokens",
  "cacheWriteTokens",
  "reasoningTokens",
  "finishReason",
];

const contentFields = (Object.keys(fields) as ConventionField[]).filter((field) => fields[field].type === "content");

/** What the keys of raw attributes stand for, by all tables. */
export class AttributeKeys {
  readonly #content: PatternMap<true>;
  readonly #watched: ReadonlySet<string>;

  constructor(conventions: readonly Convention[]) {
    const patterns = conventions.flatMap((table) => [...keysOf(table, contentFields), ...(table.content ?? [])]);
    this.#content = new PatternMap(patterns.map((pattern) => [pattern, true]));
    // Counts inside an answer stay unwatched: nobody should hold on to the answer for them.
    const keys = conventions.flatMap((table) => keysOf(table, watchedFields));
    this.#watched = new Set(keys.filter((key) => !this.isContent(key)));
  }

  isContent(key: string): boolean {
    return this.#content.get(key) === true;
  }

  isWatched(key: string): boolean {
    return this.#watched.has(key);
  }
}

function keysOf(table: Convention, names: readonly ConventionField[]): readonly string[] {
  return names.flatMap((name) => table.fields?.[name] ?? []).flatMap((source) => keyOf(source) ?? []);
}
