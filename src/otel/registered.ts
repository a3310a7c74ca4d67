/** Where every copy of the OpenTelemetry API keeps what was registered: that of `import`, that of `require`, and any other. */
export const API = Symbol.for("opentelemetry.js.api.1");

/** What the application registered with the OpenTelemetry API. */
interface Registered {
  /** Of the copy of the API that registered it. */
  readonly version?: string;
  readonly context?: unknown;
  readonly trace?: unknown;
  /** Since API 1.10. */
  readonly logs?: unknown;
  readonly diag?: Readonly<Record<"warn" | "error", (message: string, ...details: unknown[]) => void>>;
}

/** The same for every copy of the API, also for one that is newer: by itself, that one sees nothing of what an older registered. */
export function registered(): Registered {
  return (globalThis as { [API]?: Registered })[API] ?? {};
}
