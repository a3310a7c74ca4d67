import type { BusEvent } from "../../bus/event.js";

/** Events come from outside: the page believes no field before it has looked. */
export function dataOf(event: BusEvent): Readonly<Record<string, unknown>> {
  return event.data as unknown as Readonly<Record<string, unknown>>;
}

/** A text in which there is something to see. */
export function textOf(value: unknown): string | undefined {
  return typeof value === "string" && value.trim() !== "" ? value : undefined;
}

export function numberOf(value: unknown): number | undefined {
  return typeof value === "number" && Number.isFinite(value) ? value : undefined;
}

/** What went wrong, of an event that says so. */
export function errorOf(data: Readonly<Record<string, unknown>>): { type: string; message: string } | undefined {
  const { error } = data;
  if (typeof error !== "object" || error === null) return undefined;
  const { type, message } = error as { type?: unknown; message?: unknown };
  return { type: textOf(type) ?? "error", message: textOf(message) ?? "" };
}

/** A value as text: strings as they are, the rest as JSON. */
export function shown(value: unknown): string {
  return typeof value === "string" ? value : (JSON.stringify(value, undefined, 2) ?? String(value));
}
