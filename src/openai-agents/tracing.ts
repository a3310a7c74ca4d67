/**
 * What the OpenAI Agents SDK hands to a tracing processor, as far as it is read: its `Trace` and `Span` fit.
 *
 * Source: @openai/agents-core 0.20.0, `tracing/traces` and `tracing/spans`
 */
export interface AgentsTraceLike {
  readonly traceId: string;
  readonly name: string;
  readonly groupId?: string | null | undefined;
  readonly metadata?: Readonly<Record<string, unknown>> | undefined;
}

export interface AgentsSpanLike {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentId: string | null;
  readonly traceMetadata?: Readonly<Record<string, unknown>> | undefined;
  readonly startedAt: string | null;
  readonly endedAt: string | null;
  /** The same object from start to end, filled on the way. */
  readonly spanData: { readonly type: string };
  readonly error: { readonly message: string; readonly data?: Readonly<Record<string, unknown>> | undefined } | null;
}

/** Counts of tokens, by the words of the SDK. */
export type Usage = Readonly<Record<string, number>>;

export function usageOf({ spanData }: AgentsSpanLike): Usage | undefined {
  const { usage } = spanData as { readonly usage?: unknown };
  if (typeof usage !== "object" || usage === null) return undefined;
  return Object.fromEntries(
    Object.entries(usage).filter((entry): entry is [string, number] => typeof entry[1] === "number"),
  );
}
