import { base64, bytesOf, cut } from "../bus/bounded-json.js";
import { fields, otherEvents } from "../bus/catalogue.js";
import { typesOf } from "./span-record.js";

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

/** Every type of the catalogue. */
const known: ReadonlySet<string> = new Set([
  ...Object.values(typesOf).flatMap((types) => Object.values(types)),
  ...Object.keys(otherEvents),
]);
const contentFields: ReadonlySet<string> = new Set(
  Object.entries(fields).flatMap(([field, { type }]) => (type === "content" ? [field] : [])),
);

/** Whether that is content by the catalogue, where an event comes from a span or log under the name of one of its types. */
export function isContentField(type: string, field: string): boolean {
  return contentFields.has(field) && known.has(type);
}

function asText(value: unknown): string | undefined {
  if (typeof value === "string") return value;
  if (value === undefined || value === null) return undefined;
  try {
    const binary = typeof value === "object" ? bytesOf(value) : undefined;
    return binary ? base64(binary) : JSON.stringify(value, inContent);
  } catch {
    return undefined;
  }
}

/** Written out byte by byte, an image would hold up the application for half a second a megabyte. */
function inContent(this: Readonly<Record<string, unknown>>, key: string, value: unknown): unknown {
  if (typeof value === "bigint") return String(value);
  if (typeof value !== "object" || value === null) return value;
  const original = this[key]; // what a Buffer was before its toJSON()
  const binary = typeof original === "object" && original !== null ? bytesOf(original) : undefined;
  return binary ? base64(binary) : value;
}
