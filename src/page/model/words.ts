/** `840 ms`, `3.42 s`, `2 m 05 s`, `1 h 04 m`. */
export function duration(millis: number): string {
  if (!Number.isFinite(millis)) return "–";
  const value = Math.max(0, millis);
  if (value < 9.95) return `${trimmed(value, 1)} ms`;
  if (value < 999.5) return `${Math.round(value)} ms`;
  if (value < 59_950) return `${(value / 1000).toFixed(value < 9995 ? 2 : 1)} s`;
  const seconds = Math.round(value / 1000);
  if (seconds < 3600) return `${Math.floor(seconds / 60)} m ${twoDigits(seconds % 60)} s`;
  const minutes = Math.floor(seconds / 60);
  return `${Math.floor(minutes / 60)} h ${twoDigits(minutes % 60)} m`;
}

/** `940`, `12.4k`, `3.1M`. */
export function count(value: number): string {
  if (!Number.isFinite(value)) return "–";
  if (value < 10_000) return String(Math.round(value));
  if (value < 999_500) return `${trimmed(value / 1000, value < 99_950 ? 1 : 0)}k`;
  return `${trimmed(value / 1_000_000, 1)}M`;
}

/** `12.4 kB`, as the statistics count. */
export function bytes(value: number): string {
  if (value < 1000) return `${Math.round(value)} B`;
  if (value < 999_500) return `${trimmed(value / 1000, 1)} kB`;
  return `${trimmed(value / 1_000_000, 1)} MB`;
}

/** Time of day, with milliseconds. */
export function timeOfDay(time: number): string {
  const date = new Date(time);
  if (Number.isNaN(date.getTime())) return "–";
  const clock = [date.getHours(), date.getMinutes(), date.getSeconds()].map(twoDigits).join(":");
  return `${clock}.${String(date.getMilliseconds()).padStart(3, "0")}`;
}

/** The number with its noun: `1 run`, `2 runs`. */
export function counted(value: number, noun: string): string {
  return `${count(value)} ${noun}${value === 1 ? "" : "s"}`;
}

function trimmed(value: number, digits: number): string {
  return value.toFixed(digits).replace(/\.0+$/, "");
}

function twoDigits(value: number): string {
  return String(value).padStart(2, "0");
}
