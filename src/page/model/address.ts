/** What the address of the page points at, behind `#`. */
export interface Place {
  readonly runId?: string;
}

const run = /^#\/run\/([^/]+)$/;

export function placeOf(hash: string): Place {
  const segment = run.exec(hash)?.[1];
  if (segment === undefined) return {};
  try {
    return { runId: decodeURIComponent(segment) };
  } catch {
    return {};
  }
}

export function hashOf({ runId }: Place): string {
  return runId === undefined ? "#/" : `#/run/${encodeURIComponent(runId)}`;
}

/** Where the endpoint is: the page is at its root, with or without a slash at the end. */
export function endpointOf({ origin, pathname }: { readonly origin: string; readonly pathname: string }): string {
  return origin + pathname;
}
