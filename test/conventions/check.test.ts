import { type Convention, defaultConventions, Interpreter } from "spanbus/conventions";
import { expect, test } from "vitest";

const claims = [{ by: "attribute", key: "k", operations: { a: "tool" } }];

test("the default tables are right", () => {
  expect(() => new Interpreter(defaultConventions)).not.toThrow();
  expect(() => new Interpreter([])).not.toThrow();
  for (const value of ["x", 5, false]) {
    const table = { name: "Acme", claims: [], fields: { model: [{ from: "constant", value }] } };
    expect(() => new Interpreter([table as Convention])).not.toThrow();
  }
});

test("the default tables are plain data: they survive JSON", () => {
  const copies = JSON.parse(JSON.stringify(defaultConventions)) as Convention[];
  expect(copies).toEqual(defaultConventions);
  const span = { name: "", scope: "", attributes: { "gen_ai.operation.name": "chat" } };
  expect(new Interpreter(copies).classify(span)?.operation).toBe("model");
});

test.each([
  ["no list", { name: "Acme" }, "`conventions` must be an array, got object"],
  ["no table", ["Acme"], '`conventions[0]` must be an object, got "Acme"'],
  ["no name", [{ claims }], "conventions[0]: `name` must be a text that is not empty, got undefined"],
  ["no claims", [{ name: "Acme" }], 'the convention "Acme": `claims` must be an array, got undefined'],
  [
    "a claim of a kind that is none",
    [{ name: "Acme", claims: [{ by: "colour" }] }],
    'the convention "Acme": `claims[0].by` must be one of attribute, name, got "colour"',
  ],
  [
    "an operation that is none",
    [{ name: "Acme", claims: [{ by: "attribute", key: "k", operations: { a: "modle" } }] }],
    'the convention "Acme": `claims[0].operations["a"]` must be one of invocation, workflow',
  ],
  [
    "a pattern with two stars",
    [{ name: "Acme", claims: [{ by: "name", operations: { "*.a.*": "tool" } }] }],
    '`claims[0].operations key` must be a text with at most one `*`, got "*.a.*"',
  ],
  [
    "a field that is none",
    [{ name: "Acme", claims, fields: { colour: ["k"] } }],
    "`fields key` must be one of agentName",
  ],
  ...["durationMillis", "reason", "error", "modelCalls", "toolCalls", "failedToolCalls", "text", "chunks"].map(
    (field): [string, object, string] => [
      `the field ${field}, which is measured`,
      [{ name: "Acme", claims, fields: { [field]: ["k"] } }],
      "`fields key` must be one of",
    ],
  ),
  ["a table that is null", [null], "`conventions[0]` must be an object, got null"],
  ["a table that is a list", [[]], "`conventions[0]` must be an object, got object"],
  ["an empty name", [{ name: "", claims }], 'the convention "": `name` must be a text that is not empty, got ""'],
  ["a claim that is none", [{ name: "Acme", claims: [null] }], "`claims[0]` must be an object, got null"],
  [
    "a condition that is none",
    [{ name: "Acme", claims: [{ by: "name", operations: {}, where: null }] }],
    "`claims[0].where` must be an object, got null",
  ],
  ["a field that is no list", [{ name: "Acme", claims, fields: { model: "k" } }], '`fields["model"]` must be an array'],
  [
    "a source of a kind that is none",
    [{ name: "Acme", claims, fields: { model: [{ from: "air" }] } }],
    '`fields["model"][0].from` must be one of attribute, first, json',
  ],
  [
    "a source without its key",
    [{ name: "Acme", claims, fields: { model: [{ from: "json", path: "a" }] } }],
    '`fields["model"][0].key` must be a text that is not empty, got undefined',
  ],
  [
    "a constant that is none",
    [{ name: "Acme", claims, fields: { model: [{ from: "constant", value: null }] } }],
    '`fields["model"][0].value` must be a text, number or boolean, got null',
  ],
  [
    "a long text where none belongs",
    [{ name: "Acme", claims, runId: "x".repeat(100) }],
    `\`runId\` must be an array, got "${"x".repeat(80)}"`,
  ],
  [
    "a word that is misspelt",
    [{ name: "Acme", claims, feilds: {} }],
    'the convention "Acme": `feilds` must be absent (known: name, claims, fields',
  ],
  [
    "a rule that is misspelt",
    [{ name: "Acme", claims, tokens: { exclusive: "yes" } }],
    "`tokens.exclusive` must be true or false",
  ],
])("a list with %s is a TypeError that says where", (_, conventions, message) => {
  const make = (): Interpreter => new Interpreter(conventions as unknown as readonly Convention[]);
  expect(make).toThrow(TypeError);
  expect(make).toThrow(message);
});
