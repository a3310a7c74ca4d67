import { readdirSync } from "node:fs";

/** Some files, and the tests that should notice when they are changed. */
export interface Part {
  readonly folder: string;
  /** Its files, without `.ts`; or all but some. */
  readonly files: readonly string[] | { readonly but: readonly string[] };
  /** Globs below `test/`, without `.test.ts`. */
  readonly tests: readonly string[];
}

export type PartName = keyof typeof parts;

const events = ["bounded-json", "make-event", "repeated-texts"] as const;

export const parts = {
  /** How an event is copied, cut and counted. */
  events: {
    folder: "src/bus",
    files: events,
    tests: [
      "bus/{chunks,promise-1-*,promise-2-*,promise-3-*,stats}",
      "otel/{attributes,content,event-size,log-events,redact,span-events,tokens}",
    ],
  },
  bus: {
    folder: "src/bus",
    files: { but: ["catalogue", ...events] },
    tests: [
      "bus/!(promise-2-event-size|promise-2-memory)",
      "otel/{bindings,callbacks,closing-*,generations,idle,late-attach,ownership}",
      "model/*",
    ],
  },
  /** The interpreter. Tables are data, which docs and recordings are compared with. */
  conventions: {
    folder: "src/conventions",
    files: [
      ...["attribute-keys", "check", "claim-index", "condition", "event-fields", "facts", "failure", "field-index"],
      ...["finish-reason", "initials", "interpreter", "pattern", "provider-name", "reading", "reading-plan", "sources"],
      ...["table-rules", "tokens"],
    ],
    tests: ["conventions/*"],
  },
} as const satisfies Record<string, Part>;

/** Paths of the files of a part. */
export function filesOf(name: PartName): string[] {
  const { folder, files }: Part = parts[name];
  const all = readdirSync(new URL(`../../${folder}/`, import.meta.url)).map((file) => file.replace(/\.ts$/, ""));
  const chosen = all.filter((file) => ("but" in files ? !files.but.includes(file) : files.includes(file)));
  return chosen.sort().map((file) => `${folder}/${file}.ts`);
}
