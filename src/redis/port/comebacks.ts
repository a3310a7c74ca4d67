/** What is used of a client. */
interface Emitter {
  on(event: string, listener: () => void): unknown;
  off(event: string, listener: () => void): unknown;
}

/** Names of events of a client: that a connection broke, and that there is one. */
export interface ConnectionEvents {
  readonly broken: readonly string[];
  readonly ready: readonly string[];
}

/** Tells each time that a client, which was connected, is so again. What it returns stops that. */
export function onComeback(client: Emitter, { broken, ready }: ConnectionEvents, tell: () => void): () => void {
  let isBroken = false;
  const breaks = (): void => {
    isBroken = true;
  };
  const comes = (): void => {
    if (isBroken) tell();
    isBroken = false;
  };
  for (const event of broken) client.on(event, breaks);
  for (const event of ready) client.on(event, comes);
  return () => {
    for (const event of broken) client.off(event, breaks);
    for (const event of ready) client.off(event, comes);
  };
}
