/** What is changed, and the tests that should notice. */
export interface Part {
  readonly folder: string;
  /** Files that are not changed: tables of data, which other tests compare with docs and recordings. */
  readonly tables: readonly string[];
  /** Folders of tests. */
  readonly tests: readonly string[];
}

export type PartName = keyof typeof parts;

export const parts = {
  bus: { folder: "src/bus", tables: ["catalogue", "stats"], tests: ["bus", "otel", "model"] },
  conventions: {
    folder: "src/conventions",
    tables: [
      ...["ai-sdk", "gen-ai", "genkit", "index", "langfuse", "langsmith", "mastra", "mcp", "mlflow"],
      ...["openai-agents", "openinference", "traceloop"],
    ],
    tests: ["conventions"],
  },
} as const satisfies Record<string, Part>;
