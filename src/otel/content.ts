import { cut } from "../bus/bounded-json.js";

/** How much of prompts, completions, tool arguments and results, and log bodies an event holds. */
export type ContentLevel = "none" | "preview" | "full";

/** Turns the value of a content field into the string to publish; undefined leaves it out. */
export function contentRule(level: ContentLevel, maxPreviewLength: number): (value: unknown) => string | undefined {
  if (level === "none") return () => undefined;
  const length = level === "preview" ? maxPreviewLength : Number.POSITIVE_INFINITY;
  return (value) => {
    const text = asText(value);
    return text === undefined ? undefined : cut(text, length);
  };
}

function asText(value: unknown): string | undefined {
  if (typeof value === "string") return value;
  if (value === undefined || value === null) return undefined;
  try {
    return JSON.stringify(value, (_key, each: unknown) => (typeof each === "bigint" ? String(each) : each));
  } catch {
    return undefined;
  }
}
