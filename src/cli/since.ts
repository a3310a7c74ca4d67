import { wrong } from "../bus/checks.js";
import { UsageError } from "./arguments.js";

/** From where to print: everything kept, only what is live, or a time in milliseconds since the Unix epoch. */
export type Since = "all" | "live" | number;

const unitMillis = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

const MAX_DAYS = Math.floor(Number.MAX_SAFE_INTEGER / unitMillis.d);

/** Whole milliseconds of `250ms`, `30s`, `5m`, `1.5h`, `2d` or `0`. Undefined for anything else. */
export function durationMillis(text: string): number | undefined {
  if (text === "0") return 0;
  const [, count, unit] = /^(\d{1,9}(?:\.\d{1,3})?)(ms|s|m|h|d)$/.exec(text) ?? [];
  if (unit === undefined) return undefined;
  const millis = Number(count) * unitMillis[unit as keyof typeof unitMillis];
  // However short, it is not 0, which means something else.
  return Math.round(millis) || Math.ceil(millis);
}

export function duration(name: string, text: string): number {
  const millis = durationMillis(text);
  if (millis === undefined || !Number.isSafeInteger(millis))
    throw wrong(UsageError, name, `a duration such as 250ms, 30s, 5m, 2h or 1d, at most ${MAX_DAYS}d`, text);
  return millis;
}

export function since(text: string): Since {
  if (text === "all" || text === "live") return text;
  const millis = durationMillis(text);
  if (millis !== undefined) return millis === 0 ? "live" : Date.now() - millis;
  const time = /^\d{4}-\d\d-\d\d/.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(time)) {
    const allowed = "a duration such as 30s, 5m, 2h or 1d, a time such as 2026-01-31T08:00Z, all or live";
    throw wrong(UsageError, "--since", allowed, text);
  }
  return time;
}
