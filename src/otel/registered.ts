/** What the application registered with the OpenTelemetry API. */
interface Registered {
  /** Of the copy of the API that registered it. */
  readonly version?: string;
  readonly context?: unknown;
  readonly diag?: Readonly<Record<"warn" | "error", (message: string, ...details: unknown[]) => void>>;
}

/** The same for every copy of the API, also for one that is newer: by itself, that one sees nothing of what an older registered. */
export function registered(): Registered {
  return (globalThis as { [key: symbol]: Registered | undefined })[Symbol.for("opentelemetry.js.api.1")] ?? {};
}
