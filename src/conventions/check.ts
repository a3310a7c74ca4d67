import { fields, operations } from "../bus/catalogue.js";
import type { Convention } from "./convention.js";

/** Throws for a value that is not allowed at this place. */
type Check = (value: unknown, place: string) => void;

/** Checks tables that were written without the help of the compiler. The error names the table and the place. */
export function checkConventions(conventions: unknown): asserts conventions is readonly Convention[] {
  list(object)(conventions, "conventions");
  for (const [index, table] of (conventions as readonly { readonly name?: unknown }[]).entries()) {
    try {
      convention(table, "");
    } catch (error) {
      const name =
        typeof table.name === "string" ? `the convention ${JSON.stringify(table.name)}` : `conventions[${index}]`;
      throw new TypeError(`${name}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
}

const measured = ["durationMillis", "reason", "error", "modelCalls", "toolCalls", "failedToolCalls", "text", "chunks"];
const conventionField = oneOf(Object.keys(fields).filter((field) => !measured.includes(field)));
const operation = oneOf([...Object.keys(operations), "handoff", "chunk", "ignored"]);

const where = shape({
  scope: optional(pattern),
  name: optional(list(pattern)),
  attributes: optional(record(text, pattern)),
  anyAttribute: optional(pattern),
});
const claim = byWord("by", {
  attribute: {
    key: text,
    operations: record(pattern, operation),
    otherwise: optional(operation),
    where: optional(where),
  },
  name: { operations: record(pattern, operation), where: optional(where) },
});
const limits = { for: optional(list(operation)), where: optional(where), unlike: optional(conventionField) };
const source = either(
  text,
  byWord("from", {
    attribute: { key: text, like: optional(pattern), ...limits },
    first: { key: text, ...limits },
    json: { key: text, path: text, ...limits },
    name: { like: pattern, before: optional(text), ...limits },
    seconds: { key: text, ...limits },
    date: { key: text, ...limits },
    equals: { key: text, value: text, ...limits },
    constant: { value: constant, ...limits },
  }),
);
const convention = shape({
  name: text,
  claims: list(claim),
  fields: optional(record(conventionField, list(source))),
  runId: optional(list(source)),
  tokens: optional(
    shape({
      operations: optional(list(operation)),
      where: optional(where),
      exclusive: optional(flag),
      parts: optional(shape({ key: text, inputTokens: list(pattern), outputTokens: list(pattern) })),
    }),
  ),
  failures: optional(list(shape({ source, is: pattern, message: optional(list(source)) }))),
  firstChunk: optional(
    shape({
      events: optional(list(text)),
      attributes: optional(list(shape({ key: text, scope: optional(pattern) }))),
    }),
  ),
  content: optional(list(pattern)),
});

function text(value: unknown, place: string): void {
  if (typeof value !== "string" || value === "") throw wrong(place, "a text that is not empty", value);
}

function pattern(value: unknown, place: string): void {
  text(value, place);
  if (String(value).split("*").length > 2) throw wrong(place, "a text with at most one `*`", value);
}

function flag(value: unknown, place: string): void {
  if (typeof value !== "boolean") throw wrong(place, "true or false", value);
}

function constant(value: unknown, place: string): void {
  if (!["string", "number", "boolean"].includes(typeof value)) throw wrong(place, "a text, number or boolean", value);
}

function object(value: unknown, place: string): asserts value is Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw wrong(place, "an object", value);
}

function oneOf(words: readonly string[]): Check {
  return (value, place) => {
    if (!words.includes(value as string)) throw wrong(place, `one of ${words.join(", ")}`, value);
  };
}

function optional(check: Check): Check {
  return (value, place) => {
    if (value !== undefined) check(value, place);
  };
}

function either(word: Check, form: Check): Check {
  return (value, place) => (typeof value === "string" ? word : form)(value, place);
}

function list(item: Check): Check {
  return (value, place) => {
    if (!Array.isArray(value)) throw wrong(place, "an array", value);
    for (const [index, each] of value.entries()) item(each, `${place}[${index}]`);
  };
}

function record(key: Check, item: Check): Check {
  return (value, place) => {
    object(value, place);
    for (const [name, each] of Object.entries(value)) {
      key(name, `${place} key`);
      item(each, `${place}[${JSON.stringify(name)}]`);
    }
  };
}

function shape(checks: Readonly<Record<string, Check>>): Check {
  return (value, place) => {
    object(value, place);
    for (const name of Object.keys(value)) {
      if (!Object.hasOwn(checks, name))
        throw wrong(within(place, name), `absent (known: ${Object.keys(checks).join(", ")})`, value[name]);
    }
    for (const [name, check] of Object.entries(checks)) check(value[name], within(place, name));
  };
}

/** An object whose form is told by the word in one of its properties. */
function byWord(property: string, forms: Readonly<Record<string, Readonly<Record<string, Check>>>>): Check {
  const word = oneOf(Object.keys(forms));
  const shapes = new Map(Object.entries(forms).map(([name, checks]) => [name, shape({ [property]: word, ...checks })]));
  return (value, place) => {
    object(value, place);
    word(value[property], within(place, property));
    shapes.get(value[property] as string)?.(value, place);
  };
}

function within(place: string, name: string): string {
  return place === "" ? name : `${place}.${name}`;
}

function wrong(place: string, allowed: string, value: unknown): TypeError {
  return new TypeError(`\`${place}\` must be ${allowed}, got ${shown(value)}`);
}

function shown(value: unknown): string {
  return typeof value === "string" ? JSON.stringify(value.slice(0, 80)) : value === null ? "null" : typeof value;
}
