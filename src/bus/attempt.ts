/** What the call returns, or `otherwise` if it throws: what users and tracers give may have getters that do. */
export function attempt<T>(act: () => T, otherwise: T): T {
  try {
    return act();
  } catch {
    return otherwise;
  }
}
