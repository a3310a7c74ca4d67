import { type FieldName, type FieldType, fields, operations } from "../bus/catalogue.js";
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
const limits = { for: optional(list(oneOf([...Object.keys(operations), "handoff"]))), where: optional(where) };
const texts = list(source("string", limits));
const convention = shape({
  name: text,
  claims: list(claim),
  fields: optional(record(conventionField, sourcesOf)),
  runId: optional(texts),
  tokens: optional(
    shape({
      operations: optional(list(oneOf(Object.keys(operations)))),
      where: optional(where),
      exclusive: optional(flag),
      parts: optional(shape({ key: text, inputTokens: list(pattern), outputTokens: list(pattern) })),
    }),
  ),
  failures: optional(list(shape({ source: source("content", limits), is: pattern, message: optional(texts) }))),
  firstChunk: optional(
    shape({
      events: optional(list(text)),
      attributes: optional(list(shape({ key: text, scope: optional(pattern) }))),
    }),
  ),
  content: optional(list(pattern)),
});

function sourcesOf(value: unknown, place: string, field: string): void {
  const { type } = fields[field as FieldName];
  list(source(type, { ...limits, unlike: optional(conventionField) }))(value, place);
}

/** Where a value of this type is found: what could never be one is no source of it. */
function source(type: FieldType, options: Readonly<Record<string, Check>>): Check {
  const ofText = type !== "boolean";
  const ofTime = type === "number" || type === "content";
  const ofYesOrNo = type === "boolean" || type === "content";
  const forms = {
    attribute: { key: text, ...(ofText && { like: optional(pattern) }) },
    first: { key: text },
    json: { key: text, path: text },
    ...(ofText && { name: { like: pattern, before: optional(text) } }),
    ...(ofTime && { seconds: { key: text }, date: { key: text } }),
    ...(ofYesOrNo && { equals: { key: text, value: text } }),
    constant: { value: constantOf(type) },
  };
  const complete = Object.entries(forms).map(([from, checks]) => [from, { ...checks, ...options }] as const);
  return either(text, byWord("from", Object.fromEntries(complete)));
}

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

function constantOf(type: FieldType): Check {
  return (value, place) => {
    const given = typeof value;
    if (type === "content" && !["string", "number", "boolean"].includes(given))
      throw wrong(place, "a text, number or boolean", value);
    if (type === "string") text(value, place);
    if (type === "number" && !Number.isFinite(value)) throw wrong(place, "a number", value);
    if (type === "boolean") flag(value, place);
  };
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

function record(key: Check, item: (value: unknown, place: string, name: string) => void): Check {
  return (value, place) => {
    object(value, place);
    for (const [name, each] of Object.entries(value)) {
      key(name, `${place} key`);
      item(each, `${place}[${JSON.stringify(name)}]`, name);
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
  if (typeof value === "string") return JSON.stringify(value.slice(0, 80));
  const isLong = (typeof value === "object" && value !== null) || typeof value === "function";
  return isLong ? typeof value : String(value);
}
