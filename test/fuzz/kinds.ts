import {
  type ClaimedOperation,
  type Convention,
  type ConventionField,
  defaultConventions,
  type Source,
} from "spanbus/conventions";

/** A kind of span that some table claims, by what its instrumentation writes at the start. */
export interface Kind {
  readonly scope: string;
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly table: Convention | undefined;
  readonly operation: ClaimedOperation | undefined;
}

/** Every kind that the tables name, and spans of no agent. */
export const kinds: readonly Kind[] = [
  ...["GET /", "SELECT", "", "toString"].map(
    (name): Kind => ({ scope: "app", name, attributes: {}, table: undefined, operation: undefined }),
  ),
  ...defaultConventions.flatMap((table) =>
    table.claims.flatMap((rule) =>
      Object.entries(rule.operations).map(([pattern, operation]): Kind => {
        const { scope, name, attributes = {}, anyAttribute } = rule.where ?? {};
        return {
          scope: example(scope ?? "app"),
          name: rule.by === "name" ? example(pattern) : example(name?.[0] ?? "span"),
          attributes: {
            ...Object.fromEntries(Object.entries(attributes).map(([key, value]) => [key, example(value)])),
            ...(anyAttribute !== undefined && { [example(anyAttribute)]: "x" }),
            ...(rule.by === "attribute" && { [rule.key]: example(pattern) }),
          },
          table,
          operation,
        };
      }),
    ),
  ),
];

/** Calls of models, of which instrumentations like to put one into the other. */
export const modelKinds = kinds.filter(({ operation }) => operation === "model");

/** Attributes in which the tables look for a field. */
export function keysOf(table: Convention | undefined, ...fields: readonly ConventionField[]): string[] {
  const sources = fields.flatMap((field) => table?.fields?.[field] ?? []);
  return [...new Set(sources.flatMap(keyOf))];
}

/** Attributes that hold content, by any table. */
export const contentKeys: readonly string[] = [
  ...new Set(
    defaultConventions.flatMap((table) => [
      ...keysOf(table, "input", "output", "arguments", "result"),
      ...(table.content ?? []).map(example),
    ]),
  ),
];

function keyOf(source: Source): string[] {
  if (typeof source === "string") return [source];
  return source.from === "attribute" || source.from === "first" ? [source.key] : [];
}

function example(pattern: string): string {
  return pattern.replace("*", "x");
}
