import { fields } from "../bus/catalogue.js";
import type { ClaimedOperation, ContentRule, Convention, ConventionField, Source } from "./convention.js";
import { type Facts, text } from "./facts.js";
import { finishReason } from "./finish-reason.js";
import { providerName } from "./provider-name.js";
import { isOwn, type Reader, reader } from "./sources.js";

/** A value that was found, and the table that knew where. */
export interface Found {
  readonly value: string | number | boolean;
  readonly origin: Convention;
}

/** What a reading is about: the span, what it was claimed as, and how its content is bounded. */
export interface Subject {
  readonly facts: Facts;
  readonly operation: ClaimedOperation | undefined;
  readonly content: ContentRule;
}

/**
 * Where every field is looked up for the spans of one table, in order: the attributes that this table names, those that
 * the others name, and at last the name of the span. Without a table: the attributes that any of them names.
 */
export class FieldPlan {
  readonly #fields = new Map<string, readonly Reader[]>();
  readonly #runId: readonly Reader[];

  constructor(claiming: Convention | undefined, conventions: readonly Convention[]) {
    const tables = claiming === undefined ? conventions : [claiming, ...conventions.filter((c) => c !== claiming)];
    for (const field of Object.keys(fields)) {
      const sources = (table: Convention): readonly Source[] => table.fields?.[field as ConventionField] ?? [];
      this.#fields.set(field, inOrder(claiming, tables, sources));
    }
    this.#runId = inOrder(claiming, tables, (table) => table.runId ?? []);
  }

  find(field: ConventionField, subject: Subject): Found | undefined {
    for (const reader of this.#fields.get(field) ?? []) {
      const value = readField(field, reader, subject);
      if (value === undefined) continue;
      if (reader.unlike === undefined || value !== this.#plainly(reader.unlike, subject)) {
        return { value, origin: reader.origin };
      }
    }
    return undefined;
  }

  runId({ facts, operation }: Subject): string | undefined {
    for (const { read } of this.#runId) {
      const id = safely(() => text(read(facts, operation)));
      if (id !== undefined) return id;
    }
    return undefined;
  }

  /** The value of a field, for a comparison; sources that compare in turn are left out, so that there is no circle. */
  #plainly(field: ConventionField, subject: Subject): Found["value"] | undefined {
    for (const reader of this.#fields.get(field) ?? []) {
      const value = reader.unlike === undefined ? readField(field, reader, subject) : undefined;
      if (value !== undefined) return value;
    }
    return undefined;
  }
}

function inOrder(
  claiming: Convention | undefined,
  tables: readonly Convention[],
  sourcesOf: (table: Convention) => readonly Source[],
): readonly Reader[] {
  const readers: Reader[] = [];
  const keys = new Set<string>();
  for (const table of tables) {
    for (const source of sourcesOf(table)) {
      if (isOwn(source) || (typeof source === "string" && keys.has(source))) continue;
      if (typeof source === "string") keys.add(source);
      readers.push(reader(source, table));
    }
  }
  if (claiming !== undefined) {
    for (const source of sourcesOf(claiming)) if (isOwn(source)) readers.push(reader(source, claiming));
  }
  return readers;
}

function readField(field: ConventionField, { read, named }: Reader, subject: Subject): Found["value"] | undefined {
  return safely(() => {
    const value = read(subject.facts, subject.operation);
    if (value === undefined || value === null) return undefined;
    switch (fields[field].type) {
      case "content":
        return value === "" ? undefined : subject.content(value);
      case "number":
        return number(field, named ? digits(value) : value);
      case "boolean":
        return typeof value === "boolean" ? value : undefined;
      case "string":
        return word(field, text(value)?.trim());
    }
  });
}

function word(field: ConventionField, value: string | undefined): string | undefined {
  if (value === undefined || value === "") return undefined;
  if (field === "provider") return providerName(value);
  return field === "finishReason" ? finishReason(value) : value;
}

function number(field: ConventionField, value: unknown): number | undefined {
  if (typeof value !== "number" || !Number.isFinite(value)) return undefined;
  return value >= 0 || field === "score" ? value : undefined;
}

function digits(value: unknown): unknown {
  return typeof value === "string" && /^\d{1,15}$/.test(value) ? Number(value) : undefined;
}

/** A value that cannot be read, or not be shown, is not there. */
function safely<Value>(read: () => Value): Value | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
