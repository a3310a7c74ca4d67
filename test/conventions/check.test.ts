import { type Convention, defaultConventions, Interpreter } from "spanbus/conventions";
import { expect, test } from "vitest";

const claims = [{ by: "attribute", key: "k", operations: { a: "tool" } }];

test("the default tables are right", () => {
  expect(() => new Interpreter(defaultConventions)).not.toThrow();
  expect(() => new Interpreter([])).not.toThrow();
  for (const [field, values] of [
    ["model", ["x"]],
    ["step", [5]],
    ["mcp", [false]],
    ["input", ["x", 5, false]],
  ] as const) {
    const table = {
      name: "Acme",
      claims: [],
      fields: { [field]: values.map((value) => ({ from: "constant", value })) },
    };
    expect(() => new Interpreter([table as Convention])).not.toThrow();
  }
});

test("content may be a time", () => {
  const times = [
    { from: "seconds", key: "k" },
    { from: "date", key: "k" },
  ] as const;
  expect(() => new Interpreter([{ name: "Acme", claims: [], fields: { result: times } }])).not.toThrow();
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
    "a field that is a function",
    [{ name: "Acme", claims, fields: { model: () => ["k"] } }],
    '`fields["model"]` must be an array, got function',
  ],
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
    '`fields["model"][0].value` must be a text that is not empty, got null',
  ],
  [
    "a constant of content that is none",
    [{ name: "Acme", claims, fields: { input: [{ from: "constant", value: null }] } }],
    '`fields["input"][0].value` must be a text, number or boolean, got null',
  ],
  ...(
    [
      ["model", { from: "constant", value: 5 }, ".value` must be a text that is not empty, got 5"],
      ["step", { from: "constant", value: "5" }, '.value` must be a number, got "5"'],
      ["mcp", { from: "constant", value: "yes" }, '.value` must be true or false, got "yes"'],
      [
        "model",
        { from: "equals", key: "k", value: "x" },
        '.from` must be one of attribute, first, json, name, constant, got "equals"',
      ],
      [
        "model",
        { from: "seconds", key: "k" },
        '.from` must be one of attribute, first, json, name, constant, got "seconds"',
      ],
      [
        "step",
        { from: "equals", key: "k", value: "x" },
        '.from` must be one of attribute, first, json, name, seconds, date, constant, got "equals"',
      ],
      [
        "mcp",
        { from: "name", like: "x *" },
        '.from` must be one of attribute, first, json, equals, constant, got "name"',
      ],
      [
        "mcp",
        { from: "attribute", key: "k", like: "x *" },
        ".like` must be absent (known: from, key, for, where, unlike), got",
      ],
      ["model", { from: "attribute", key: "k", for: ["ignored"] }, ".for[0]` must be one of invocation, workflow"],
    ] as const
  ).map(([field, source, message]): [string, object, string] => [
    `a source of ${field} that never has a value of its type: ${JSON.stringify(source)}`,
    [{ name: "Acme", claims, fields: { [field]: [source] } }],
    `\`fields["${field}"][0]${message}`,
  ]),
  [
    "a run id unlike a field",
    [{ name: "Acme", claims, runId: [{ from: "attribute", key: "k", unlike: "model" }] }],
    '`runId[0].unlike` must be absent (known: from, key, like, for, where), got "model"',
  ],
  [
    "a run id that is a number",
    [{ name: "Acme", claims, runId: [{ from: "constant", value: 5 }] }],
    "`runId[0].value` must be a text that is not empty, got 5",
  ],
  [
    "a failure unlike a field",
    [{ name: "Acme", claims, failures: [{ source: { from: "first", key: "k", unlike: "model" }, is: "x" }] }],
    '`failures[0].source.unlike` must be absent (known: from, key, for, where), got "model"',
  ],
  [
    "a message that is a time",
    [{ name: "Acme", claims, failures: [{ source: "k", is: "x", message: [{ from: "seconds", key: "s" }] }] }],
    '`failures[0].message[0].from` must be one of attribute, first, json, name, constant, got "seconds"',
  ],
  [
    "a message that is a number",
    [{ name: "Acme", claims, failures: [{ source: "k", is: "x", message: [{ from: "constant", value: 5 }] }] }],
    "`failures[0].message[0].value` must be a text that is not empty, got 5",
  ],
  [
    "tokens of what is no event",
    [{ name: "Acme", claims, tokens: { operations: ["chunk"] } }],
    "`tokens.operations[0]` must be one of invocation",
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
