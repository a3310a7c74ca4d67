/** A timer that holds no process open. */
export function unheld(callback: () => void, millis: number): ReturnType<typeof setTimeout> {
  const timer = setTimeout(callback, millis);
  // A number where there is no `unref`, and nothing to hold open.
  (timer as { unref?(): void }).unref?.();
  return timer;
}
