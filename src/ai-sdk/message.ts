/**
 * What the AI SDK publishes on its tracing channel, as far as it is read. Everything in it is somebody else's: what is not
 * of the expected type is not there.
 *
 * Source: `ai` 7.0.173, `src/telemetry/tracing-channel.ts` and the events of each operation
 */
export interface Message {
  readonly type: string;
  readonly event: Facts;
  /** Of a call that succeeded, from its end on. */
  readonly result?: unknown;
  /** Of a call that failed, from its end on. */
  readonly error?: unknown;
}

export type Facts = Readonly<Record<string, unknown>>;

export function asMessage(value: unknown): Message | undefined {
  const message = facts(value);
  return typeof message["type"] === "string"
    ? { ...message, type: message["type"], event: facts(message["event"]) }
    : undefined;
}

/** The fields of an object; of anything else none. */
export function facts(value: unknown): Facts {
  return typeof value === "object" && value !== null ? (value as Facts) : {};
}

export function list(value: unknown): readonly Facts[] {
  return Array.isArray(value) ? value.map(facts) : [];
}

export function text(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}
