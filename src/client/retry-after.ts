const LONGEST_MILLIS = 60_000;

/** How long an answer asks to wait, in milliseconds: 0 if it does not say, at most a minute. */
export function retryAfterMillis({ headers }: Response): number {
  const text = headers.get("retry-after")?.trim();
  if (!text) return 0;
  const millis = /^\d+$/.test(text) ? Number(text) * 1000 : Date.parse(text) - Date.now();
  return Number.isNaN(millis) ? 0 : Math.min(Math.max(millis, 0), LONGEST_MILLIS);
}
