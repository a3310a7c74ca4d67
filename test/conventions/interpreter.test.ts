import { JSONParseError, TypeValidationError } from "ai";
import {
  type Claim,
  type Convention,
  defaultConventions,
  type EndedSpanView,
  genAi,
  Interpreter,
  type SpanView,
} from "spanbus/conventions";
import { beforeEach, describe, expect, test } from "vitest";
import { asText } from "./observe.js";

function thrownBy(call: () => unknown): string {
  try {
    call();
  } catch (error) {
    return (error as Error).message;
  }
  return "nothing";
}

/** A new one for each test, since it prepares itself for the first span that it sees. */
let interpreter: Interpreter;
beforeEach(() => {
  interpreter = new Interpreter(defaultConventions);
});

const acme = (more: Partial<Convention>): Convention => ({
  name: "Acme",
  claims: [{ by: "attribute", key: "acme.kind", operations: { model: "model", tool: "tool", agent: "invocation" } }],
  ...more,
});
const span = (attributes: Record<string, unknown>, more: Partial<EndedSpanView> = {}): EndedSpanView => ({
  name: "work",
  scope: "acme",
  attributes,
  status: { code: 0 },
  ...more,
});

describe("a claim", () => {
  const claimed = (conventions: readonly Convention[], view: SpanView): string | undefined => {
    const claim = new Interpreter(conventions).classify(view);
    return claim && `${claim.convention.name}: ${claim.operation}`;
  };

  test("is made by the value of an attribute, an exact one before a pattern, any other by `otherwise`", () => {
    const table = acme({
      claims: [
        { by: "attribute", key: "op", operations: { "*.run": "step", "the.run": "tool" }, otherwise: "ignored" },
      ],
    });
    expect(claimed([table], span({ op: "the.run" }))).toBe("Acme: tool");
    expect(claimed([table], span({ op: "my.run" }))).toBe("Acme: step");
    expect(claimed([table], span({ op: "walk" }))).toBe("Acme: ignored");
    for (const op of ["", {}, null, []]) expect(claimed([table], span({ op }))).toBeUndefined();
    expect(claimed([table], span({}))).toBeUndefined();
  });

  test("is made by a flag or a number as by their text", () => {
    const table = acme({
      claims: [{ by: "attribute", key: "is_agent", operations: { true: "invocation", 7: "tool" } }],
    });
    expect(claimed([table], span({ is_agent: true }))).toBe("Acme: invocation");
    expect(claimed([table], span({ is_agent: 7 }))).toBe("Acme: tool");
    expect(claimed([table], span({ is_agent: false }))).toBeUndefined();
  });

  test("is made by the name of the span in a scope, and by none of the same name elsewhere", () => {
    const table = acme({
      claims: [{ by: "name", operations: { "run: *": "invocation" }, where: { scope: "@acme/*" } }],
    });
    expect(claimed([table], span({}, { name: "run: x", scope: "@acme/agents" }))).toBe("Acme: invocation");
    expect(claimed([table], span({}, { name: "run: x", scope: "cron" }))).toBeUndefined();
  });

  test("needs every condition of `where`", () => {
    const where = { scope: "acme", name: ["work", "play *"], attributes: { mode: "fa*" }, anyAttribute: "acme.*" };
    const table = acme({ claims: [{ by: "attribute", key: "op", operations: { a: "tool" }, where }] });
    const good = { op: "a", mode: "fast", "acme.x": 1 };
    expect(claimed([table], span(good))).toBe("Acme: tool");
    expect(claimed([table], span(good, { name: "play it" }))).toBe("Acme: tool");
    expect(claimed([table], span(good, { name: "rest" }))).toBeUndefined();
    expect(claimed([table], span(good, { scope: "other" }))).toBeUndefined();
    expect(claimed([table], span({ ...good, mode: "slow" }))).toBeUndefined();
    expect(claimed([table], span({ op: "a", mode: "fast" }))).toBeUndefined();
  });

  test("is not made where an attribute of `where` is missing, whatever its value may be", () => {
    const where = { attributes: { mode: "*" } };
    const table = acme({ claims: [{ by: "attribute", key: "op", operations: { a: "tool" }, where }] });
    for (const mode of ["fast", 7, true]) expect(claimed([table], span({ op: "a", mode }))).toBe("Acme: tool");
    for (const mode of [undefined, "", {}]) expect(claimed([table], span({ op: "a", mode }))).toBeUndefined();
  });

  test("is made of a span whose name or scope is no text by its attributes alone", () => {
    const tables = [
      acme({ claims: [{ by: "name", operations: { "*": "step" }, where: { scope: "acme" } }] }),
      acme({
        name: "Keys",
        claims: [{ by: "attribute", key: "op", operations: { a: "tool" }, where: { scope: "*" } }],
      }),
    ];
    for (const strange of [{ scope: 7 }, { scope: undefined }, { scope: { length: 9 } }]) {
      const claim = new Interpreter(tables).classify(span({ op: "a" }, strange as never));
      expect(claim).toMatchObject({ convention: { name: "Keys" }, operation: "tool", scope: "" });
    }
    for (const name of [7, undefined, {}]) {
      const view = span({ op: "a" }, { name, scope: "other" } as never);
      expect(new Interpreter(tables).classify(view)?.operation).toBe("tool");
    }
  });

  test("goes to the first table of the list, whatever the kind of its rule and the order of the attributes", () => {
    const byName = acme({ name: "Names", claims: [{ by: "name", operations: { "chat *": "step" } }] });
    const chat = span({ "gen_ai.operation.name": "chat", "openinference.span.kind": "CHAIN" }, { name: "chat gpt" });
    const turned = span({ "openinference.span.kind": "CHAIN", "gen_ai.operation.name": "chat" }, { name: "chat gpt" });
    expect(claimed([byName, ...defaultConventions], chat)).toBe("Names: step");
    expect(claimed([...defaultConventions, byName], chat)).toBe("OpenTelemetry GenAI: model");
    expect(claimed([...defaultConventions, byName], turned)).toBe("OpenTelemetry GenAI: model");
  });

  test.each([
    ["*.end", ["x.end", ".end"], ["end", "x.end.x", ""]],
    ["start.*", ["start.x", "start."], ["start", "x.start.x", ""]],
    ["ab*bc", ["abxbc", "abbc"], ["abc", "xabbc", "abbcx"]],
    ["whole", ["whole"], ["whole.x", "x.whole", ""]],
    ["*", ["x", "start.x"], []],
  ])("is made by the pattern %s, in the value of an attribute and in a name", (pattern, fitting, others) => {
    const operations = { [pattern]: "tool" } as const;
    const byName = acme({ claims: [{ by: "name", operations }] });
    const byValue = acme({ claims: [{ by: "attribute", key: "op", operations }] });
    for (const word of [...fitting, ...others]) {
      const expected = fitting.includes(word) ? "Acme: tool" : undefined;
      expect(claimed([byName], span({}, { name: word })), word).toBe(expected);
      expect(claimed([byValue], span({ op: word })), word).toBe(expected);
    }
  });

  test("by name goes to the first rule that fits, also behind one of its table that does not", () => {
    const table = acme({
      claims: [
        { by: "name", operations: { "run *": "step" }, where: { attributes: { kind: "a" } } },
        { by: "name", operations: { "run *": "tool", "rest *": "ignored" } },
      ],
    });
    expect(claimed([table], span({ kind: "a" }, { name: "run 1" }))).toBe("Acme: step");
    expect(claimed([table], span({ kind: "b" }, { name: "run 1" }))).toBe("Acme: tool");
    expect(claimed([table], span({}, { name: "rest 1" }))).toBe("Acme: ignored");
    expect(claimed([table], span({}, { name: "" }))).toBeUndefined();
  });

  test("by an attribute goes to the first rule for it that fits, also behind one that does not", () => {
    const table = acme({
      claims: [
        { by: "attribute", key: "op", operations: { a: "step" }, where: { name: ["x"] } },
        { by: "attribute", key: "op", operations: { b: "tool" } },
        { by: "attribute", key: "op", operations: { a: "model", b: "model" } },
      ],
    });
    expect(claimed([table], span({ op: "a" }, { name: "x" }))).toBe("Acme: step");
    expect(claimed([table], span({ op: "a" }, { name: "y" }))).toBe("Acme: model");
    expect(claimed([table], span({ op: "b" }, { name: "y" }))).toBe("Acme: tool");
    expect(claimed([table], span({ op: "" }))).toBeUndefined();
  });

  test("is not made for a value that is the name of an object's own method", () => {
    expect(claimed(defaultConventions, span({ "gen_ai.operation.name": "constructor" }))).toBeUndefined();
    expect(claimed(defaultConventions, span({ "gen_ai.operation.name": "__proto__" }))).toBeUndefined();
  });
});

describe("a source", () => {
  const read = (fields: Convention["fields"] & object, view: EndedSpanView, ...others: Convention[]) => {
    const interpreter = new Interpreter([acme({ fields }), ...others]);
    const claim = interpreter.classify(view) as Claim;
    return interpreter.ended(claim, view, asText);
  };
  const model = (attributes: Record<string, unknown>, more: Partial<EndedSpanView> = {}) =>
    span({ "acme.kind": "model", ...attributes }, more);

  test("is a plain attribute, the first that has a value of the right type", () => {
    const fields = { model: ["a", "b", "c"] };
    expect(read(fields, model({ a: { not: "text" }, b: "", c: "gpt" }))).toEqual({ model: "gpt" });
  });

  test("is a part of an attribute", () => {
    const fields = { model: [{ from: "attribute", key: "a", like: "models/*" }] } as const;
    expect(read(fields, model({ a: "models/gpt" }))).toEqual({ model: "gpt" });
    expect(read(fields, model({ a: "gpt" }))).toEqual({});
  });

  test("is an attribute with one value, where it is limited to that", () => {
    const fields = { model: [{ from: "attribute", key: "a", like: "gpt" }] } as const;
    expect(read(fields, model({ a: "gpt" }))).toEqual({ model: "gpt" });
    expect(read(fields, model({ a: "gpt-2" }))).toEqual({});
  });

  test("is read without the quotes of a text that was written as JSON, and with any others", () => {
    const fields = { model: ["a"] } as const;
    expect(read(fields, model({ a: '"g\\"pt"' }))).toEqual({ model: 'g"pt' });
    for (const a of ['"gpt', 'gpt"', '"a" or "b"', '"']) expect(read(fields, model({ a }))).toEqual({ model: a });
    for (const a of ['""', " ", '" "']) expect(read(fields, model({ a }))).toEqual({});
    expect(read(fields, model({ a: " gpt " }))).toEqual({ model: "gpt" });
  });

  test("is of the type that its field has", () => {
    const tool = (attributes: Record<string, unknown>) => span({ "acme.kind": "tool", ...attributes });
    const fields = { mcp: ["a"], toolCallId: ["b"] } as const;
    const named = { toolName: "work" };
    expect(read(fields, tool({ a: true, b: "id" }))).toEqual({ ...named, mcp: true, toolCallId: "id" });
    for (const a of ["true", 1, null, {}]) expect(read(fields, tool({ a, b: 7 }))).toEqual(named);
    const evaluation = acme({
      claims: [{ by: "attribute", key: "score", operations: { "*": "evaluation" } }],
      fields: { score: ["score"], step: ["step"] },
    });
    const own = new Interpreter([evaluation]);
    const score = (value: unknown) =>
      own.ended(own.classify(span({ score: 1 })) as Claim, span({ score: value }), asText);
    expect(score(-0.5)).toEqual({ name: "work", score: -0.5 });
    for (const value of [Number.NaN, Number.NEGATIVE_INFINITY, "1"]) expect(score(value)).toEqual({ name: "work" });
  });

  test("is the first item of a list, of a list as JSON, of a list with commas", () => {
    const fields = { finishReason: [{ from: "first", key: "a" }] } as const;
    for (const a of [["stop", "x"], '["stop","x"]', "stop, x", "stop"]) {
      expect(read(fields, model({ a }))).toEqual({ finishReason: "stop" });
    }
    for (const a of [[], "[", "[1]", { 0: "stop" }, null]) expect(read(fields, model({ a }))).toEqual({});
  });

  test("is a value inside JSON, or inside an object", () => {
    const fields = { finishReason: [{ from: "json", key: "a", path: "end.reason" }] } as const;
    expect(read(fields, model({ a: '{"end":{"reason":"length"}}' }))).toEqual({ finishReason: "length" });
    expect(read(fields, model({ a: { end: { reason: "length" } } }))).toEqual({ finishReason: "length" });
    for (const a of ["{", '"end"', "null", '{"end":null}', 5, new Uint8Array(4)]) {
      expect(read(fields, model({ a }))).toEqual({});
    }
  });

  test("inside JSON is what was written there, nothing that every object or text has", () => {
    const fields = {
      output: [{ from: "json", key: "a", path: "constructor" }],
      finishReason: [{ from: "json", key: "a", path: "b.0" }],
    } as const;
    for (const a of ["{}", "[]", '{"b":"stop"}', { b: {} }]) expect(read(fields, model({ a }))).toEqual({});
    expect(read(fields, model({ a: '{"b":["stop"]}' }))).toEqual({ finishReason: "stop" });
  });

  test("inside an object whose getters throw is not there", () => {
    const fields = { finishReason: [{ from: "json", key: "a", path: "b" }, "c"] } as const;
    const a = Object.defineProperty({}, "b", {
      get() {
        throw new Error("do not look");
      },
    });
    expect(read(fields, model({ a, c: "stop" }))).toEqual({ finishReason: "stop" });
  });

  test("is left out when its JSON is longer than a small fact is worth", () => {
    const fields = { finishReason: [{ from: "json", key: "a", path: "reason" }] } as const;
    const around = JSON.stringify({ reason: "stop", answer: "" }).length;
    const json = (length: number) => JSON.stringify({ reason: "stop", answer: "x".repeat(length - around) });
    expect(read(fields, model({ a: json(1_048_576) }))).toEqual({ finishReason: "stop" });
    expect(read(fields, model({ a: json(1_048_577) }))).toEqual({});
  });

  test("is a part of the span's name, read after the attributes of all tables, and only by the table that claimed", () => {
    const fields = { model: [{ from: "name", like: "call '*", before: "'" }, "a"] } as const;
    const other: Convention = {
      name: "Other",
      claims: [],
      fields: { model: ["b"], provider: [{ from: "name", like: "*" }] },
    };
    const named = { name: "call 'gpt' again" };
    expect(read(fields, model({}, named), other)).toEqual({ model: "gpt" });
    expect(read(fields, model({ b: "from b" }, named), other)).toEqual({ model: "from b" });
    expect(read(fields, model({ a: "from a", b: "from b" }, named), other)).toEqual({ model: "from a" });
    expect(read(fields, model({}, { name: "call 'gpt" }), other)).toEqual({});
    const nameless = { name: [{ from: "name", like: "*|", before: ":" }] } as const;
    const step = acme({ claims: [{ by: "attribute", key: "k", operations: { g: "guardrail" } }], fields: nameless });
    const own = new Interpreter([step]);
    const named_ = (name: string) =>
      own.ended(own.classify(span({ k: "g" })) as Claim, span({}, { name }), asText)["name"];
    expect([named_("a:b|"), named_("a|"), named_(""), named_(":b|")]).toEqual(["a", "a|", undefined, ":b|"]);
  });

  test("is asked first of the table that claimed, wherever that stands in the list", () => {
    const other: Convention = { name: "Other", claims: [], fields: { model: ["b"], provider: ["c"] } };
    const own = new Interpreter([other, acme({ fields: { model: ["a"], provider: ["d"] } })]);
    const view = model({ b: "from b", c: "from c", a: "from a" });
    expect(own.ended(own.classify(view) as Claim, view, asText)).toEqual({ model: "from a", provider: "from c" });
  });

  test("is a number in the span's name", () => {
    const fields = { step: [{ from: "name", like: "step *" }] } as const;
    expect(read(fields, model({}, { name: "step 12" }))).toEqual({ step: 12 });
    expect(read(fields, model({}, { name: "step 123456789012345" }))).toEqual({ step: 123_456_789_012_345 });
    for (const name of ["step by step", "step 1.5", "step 12a", "step a12", "step ", "step 1234567890123456"]) {
      expect(read(fields, model({}, { name }))).toEqual({});
    }
  });

  test("is a time in seconds or a date, told in milliseconds", () => {
    const seconds = { timeToFirstChunkMillis: [{ from: "seconds", key: "a" }] } as const;
    expect(read(seconds, model({ a: 0.25 }))).toEqual({ timeToFirstChunkMillis: 250 });
    expect(read(seconds, model({ a: "0.25" }))).toEqual({});
    const date = { timeToFirstChunkMillis: [{ from: "date", key: "a" }] } as const;
    const startMillis = Date.UTC(2026, 0, 1);
    expect(read(date, model({ a: "2026-01-01T00:00:00.250Z" }, { startMillis }))).toEqual({
      timeToFirstChunkMillis: 250,
    });
    expect(read(date, model({ a: '"2026-01-01T00:00:00.250Z"' }, { startMillis }))).toEqual({
      timeToFirstChunkMillis: 250,
    });
    expect(read(date, model({ a: "2026-01-01T00:00:00.250Z" }))).toEqual({});
    expect(read(date, model({ a: 7 }, { startMillis: -1 }))).toEqual({});
    expect(read(date, model({ a: null }, { startMillis: 0 }))).toEqual({});
    expect(read(date, model({ a: "yesterday" }, { startMillis }))).toEqual({});
    expect(read(date, model({ a: "2025-01-01T00:00:00Z" }, { startMillis }))).toEqual({});
  });

  test("is a comparison or a constant", () => {
    const tool = (attributes: Record<string, unknown>) => span({ "acme.kind": "tool", ...attributes });
    const fields = {
      toolType: [{ from: "constant", value: "function" }],
      mcp: [{ from: "equals", key: "via", value: "mcp" }],
    } as const;
    expect(read(fields, tool({ via: "mcp" }))).toEqual({ toolName: "work", toolType: "function", mcp: true });
    expect(read(fields, tool({ via: "http" }))).toEqual({ toolName: "work", toolType: "function", mcp: false });
    for (const via of [undefined, "", {}]) {
      expect(read(fields, tool({ via }))).toEqual({ toolName: "work", toolType: "function" });
    }
    const written = { triggered: [{ from: "equals", key: "blocked", value: "true" }] } as const;
    const guard = (blocked: unknown) => span({ "acme.kind": "guard", blocked });
    const claims = [{ by: "attribute", key: "acme.kind", operations: { guard: "guardrail" } }] as const;
    const own = new Interpreter([acme({ claims, fields: written })]);
    const triggered = (blocked: unknown) =>
      own.ended(own.classify(guard(blocked)) as Claim, guard(blocked), asText)["triggered"];
    expect([true, "true", false, 7, undefined].map(triggered)).toEqual([true, true, false, false, undefined]);
  });

  test("may be limited to operations, to conditions, and to values unlike another field's", () => {
    const fields = {
      model: ["m"],
      agentName: [
        { from: "attribute", key: "a", for: ["invocation"] },
        { from: "attribute", key: "b", where: { attributes: { trust: "yes" } } },
        { from: "attribute", key: "c", unlike: "model" },
      ],
    } as const;
    const all = { a: "from a", b: "from b", c: "from c", trust: "yes" };
    expect(read(fields, span({ "acme.kind": "agent", ...all }))).toEqual({ agentName: "from a" });
    expect(read(fields, model(all))).toEqual({ agentName: "from b" });
    expect(read(fields, model({ ...all, trust: "no" }))).toEqual({ agentName: "from c" });
    expect(read(fields, model({ m: "gpt", c: "gpt" }))).toEqual({ model: "gpt" });
    const second = { ...fields, model: ["n", "m"] };
    expect(read(second, model({ n: "", m: "gpt", c: "gpt" }))).toEqual({ model: "gpt" });
  });

  test("is of one word where a finish reason or a provider is told, else as it is written", () => {
    const fields = { model: ["a"], provider: ["b"], finishReason: ["c"] } as const;
    const given = { a: "End-Turn", b: "x.chat", c: "End-Turn" };
    expect(read(fields, model(given))).toEqual({ model: "End-Turn", provider: "x", finishReason: "stop" });
    const strange = { a: null, b: {}, c: 7 };
    expect(Object.keys(read(fields, model(strange)))).toEqual([]);
  });

  test("limited to operations is not asked about a span that nobody claims", () => {
    const only = acme({
      fields: { conversationId: [{ from: "attribute", key: "a", for: ["model"] }, "b"] },
      runId: [{ from: "attribute", key: "a", for: ["model"] }, "b"],
      failures: [{ source: { from: "attribute", key: "a", for: ["model"] }, is: "*" }],
    });
    const own = new Interpreter([only]);
    const view = model({ a: "from a", b: "from b" });
    expect(own.read(undefined, view, asText).value("conversationId")).toBe("from b");
    expect(own.runId(undefined, view)).toBe("from b");
    expect(own.runId(own.classify(view), view)).toBe("from a");
    expect(own.failure(own.classify(view), view)).toBeDefined();
    expect(own.ended(own.classify(view) as Claim, view, asText)).toEqual({ conversationId: "from a" });
  });

  test("is asked of each span anew, also where spans have as many attributes", () => {
    const fields = { model: ["a", "b"], provider: ["c"] } as const;
    const own = new Interpreter([acme({ fields })]);
    const ended = (attributes: Record<string, unknown>) =>
      own.ended(own.classify(model(attributes)) as Claim, model(attributes), asText);
    expect(ended({ a: "1", c: "x" })).toEqual({ model: "1", provider: "x" });
    expect(ended({ b: "2", c: "y" })).toEqual({ model: "2", provider: "y" });
    expect(ended({ b: "3", d: "y" })).toEqual({ model: "3" });
    expect(ended({ d: "y", a: "4" })).toEqual({ model: "4" });
    const many = Object.fromEntries(Array.from({ length: 300 }, (_, n) => [`x${n}`, n]));
    expect(ended({ ...many, a: "5" })).toEqual({ model: "5" });
    expect(ended({ ...many, b: "6" })).toEqual({ model: "6" });
  });

  test("may be the number in a text", () => {
    const fields = { step: [{ from: "attribute", key: "turn", like: "turn *" }] } as const;
    const step = (turn: unknown) => span({ "acme.kind": "model", turn });
    expect(read(fields, step("turn 3"))).toEqual({ step: 3 });
    expect(read(fields, step("turn three"))).toEqual({});
  });

  test("is no number where a whole text looks like one", () => {
    const fields = { step: ["turn", { from: "attribute", key: "turn" }, { from: "first", key: "turn" }] } as const;
    expect(read(fields, span({ "acme.kind": "model", turn: "3" }))).toEqual({});
    expect(read(fields, span({ "acme.kind": "model", turn: 3 }))).toEqual({ step: 3 });
  });

  test("that compares with one that compares back ends in no circle", () => {
    const fields = {
      model: [{ from: "attribute", key: "a", unlike: "provider" }],
      provider: [{ from: "attribute", key: "a", unlike: "model" }],
    } as const;
    expect(read(fields, model({ a: "x" }))).toEqual({ model: "x", provider: "x" });
  });
});

describe("data", () => {
  const claim = (view: SpanView): Claim => {
    const found = interpreter.classify(view);
    if (found === undefined) throw new Error("unclaimed");
    return found;
  };
  const started = (view: SpanView): Record<string, unknown> => interpreter.started(claim(view), view, asText);

  test("always names a tool: by the span, or as unknown", () => {
    const attributes = { "gen_ai.operation.name": "execute_tool" };
    expect(started({ name: "look up", scope: "", attributes })).toEqual({ toolName: "look up" });
    expect(started({ name: "", scope: "", attributes })).toEqual({ toolName: "unknown" });
  });

  test("leaves out content that the rule does not want, and does not look for it elsewhere", () => {
    const attributes = {
      "gen_ai.operation.name": "chat",
      "gen_ai.input.messages": "secret",
      "input.value": "secret",
      "gen_ai.request.model": "m",
    };
    const view = { name: "chat m", scope: "", attributes };
    expect(interpreter.started(claim(view), view, () => undefined)).toEqual({ model: "m" });
  });

  test("at the end leaves out what went in where that was told", () => {
    const model = span({
      "gen_ai.operation.name": "chat",
      "gen_ai.input.messages": "asked",
      "gen_ai.output.messages": "answered",
    });
    expect(interpreter.read(claim(model), model, asText).ended(true)).toEqual({ output: "answered" });
    expect(interpreter.read(claim(model), model, asText).ended()).toEqual({ input: "asked", output: "answered" });
    const tool = span({
      "gen_ai.operation.name": "execute_tool",
      "gen_ai.tool.call.arguments": "given",
      "gen_ai.tool.call.result": "got",
    });
    expect(interpreter.read(claim(tool), tool, asText).ended(true)).toEqual({ toolName: "work", result: "got" });
    const told = { toolName: "work", arguments: "given", result: "got" };
    expect(interpreter.read(claim(tool), tool, asText).ended()).toEqual(told);
  });

  test("does not ask for a rule about content that is not there", () => {
    const asked: unknown[] = [];
    for (const value of [undefined, null, "", 0]) {
      const view = span({ "gen_ai.operation.name": "chat", "gen_ai.input.messages": value });
      interpreter.started(claim(view), view, (content) => void asked.push(content));
    }
    expect(asked).toEqual([0]);
  });

  test("survives a content rule that throws", () => {
    const view = {
      name: "chat m",
      scope: "",
      attributes: { "gen_ai.operation.name": "chat", "gen_ai.input.messages": "x" },
    };
    const refuse = (): string => {
      throw new Error("no");
    };
    expect(interpreter.started(claim(view), view, refuse)).toEqual({});
  });

  test("of a table that the interpreter was not given is what the other tables know", () => {
    const own = new Interpreter([acme({ fields: { model: ["a"], inputTokens: ["in"] } })]);
    const view = span({ a: "gpt", in: 5 });
    const foreign: Claim = { convention: acme({ name: "Foreign" }), operation: "model", scope: "" };
    expect(own.started(foreign, view, asText)).toEqual({ model: "gpt" });
    expect(own.tokens(foreign, view)).toEqual({ inputTokens: 5 });
    expect(own.firstChunkAttribute(foreign, "a")).toBe(false);
  });

  test("of tokens has reasoning in the output where only both make up the total", () => {
    const counts = (
      inputTokens: number,
      outputTokens: number | undefined,
      thoughtsTokens: number,
      totalTokens: number,
    ) => {
      const usage = { inputTokens, outputTokens, thoughtsTokens, totalTokens };
      const view = span({ "genkit:metadata:subtype": "model", "genkit:output": JSON.stringify({ usage }) });
      return interpreter.tokens(interpreter.classify(view) as Claim, view);
    };
    expect(counts(10, 20, 500, 530)).toMatchObject({ inputTokens: 10, outputTokens: 520, reasoningTokens: 500 });
    expect(counts(10, undefined, 500, 510)).toMatchObject({ inputTokens: 10, outputTokens: 500 });
    expect(counts(10, 520, 500, 530)).toMatchObject({ inputTokens: 10, outputTokens: 520 });
    expect(counts(10, 20, 5, 999)).toMatchObject({ inputTokens: 10, outputTokens: 20 });
  });

  test("has no name without a value", () => {
    const view = span({ "gen_ai.operation.name": "chat", "gen_ai.request.model": "", "gen_ai.output.messages": "x" });
    expect(Object.keys(interpreter.ended(claim(view), view, () => undefined))).toEqual([]);
    expect(Object.keys(interpreter.tokens(claim(view), view) ?? {})).toEqual([]);
    const counted = span({ "gen_ai.operation.name": "chat", "gen_ai.usage.input_tokens": 1 });
    expect(Object.keys(interpreter.tokens(claim(counted), counted) ?? {})).toEqual(["inputTokens"]);
  });

  test("is empty for a span that nobody claims", () => {
    const view = span({ "gen_ai.request.model": "m", "gen_ai.usage.input_tokens": 1 });
    const reading = interpreter.read(undefined, view, asText);
    expect([reading.started(), reading.ended(), reading.tokens()]).toEqual([{}, {}, undefined]);
    expect(reading.value("model")).toBe("m");
  });

  test("is empty for what is no event with data", () => {
    const view = { name: "chunk: 'text'", scope: "@mastra/otel-bridge", attributes: {} };
    expect(interpreter.started(claim(view), view, asText)).toEqual({});
    expect(interpreter.ended(claim(view), { ...view, status: { code: 0 } }, asText)).toEqual({});
  });
});

describe("hostile attributes", () => {
  const throwing = (): Record<string, unknown> => {
    const attributes = { "gen_ai.operation.name": "chat" };
    for (const key of ["gen_ai.request.model", "gen_ai.usage.input_tokens", "error.type", "session.id"]) {
      Object.defineProperty(attributes, key, {
        enumerable: true,
        get() {
          throw new Error("do not look");
        },
      });
    }
    return attributes;
  };
  const closed = new Proxy(
    {},
    {
      ownKeys() {
        throw new Error("closed");
      },
      get() {
        throw new Error("closed");
      },
    },
  );
  const strange = [
    undefined,
    null,
    Number.NaN,
    -1,
    Infinity,
    10n,
    Symbol("x"),
    () => 1,
    [],
    {},
    [null],
    new Uint8Array(2),
    new Date(0),
  ];
  const strangeAttributes = strange.map((value) => ({
    "gen_ai.operation.name": "chat",
    "gen_ai.request.model": value,
    "gen_ai.usage.input_tokens": value,
    "gen_ai.response.finish_reasons": value,
    "gen_ai.response.time_to_first_chunk": value,
    "langfuse.observation.usage_details": value,
    "error.type": value,
    "gen_ai.conversation.id": value,
    "ai.telemetry.metadata.runId": value,
  }));

  const cases: readonly (readonly [what: string, attributes: unknown])[] = [
    ["getters that throw", throwing()],
    ["a proxy that refuses", closed],
    ["no attributes", undefined],
    ["null", null],
    ["a text", "attributes"],
    ...strangeAttributes.map((attributes, index) => [`values like ${typeof strange[index]}`, attributes] as const),
  ];

  test.each(cases)("never make it throw: %s", (_, attributes) => {
    const view = { name: "chat m", scope: "x", attributes, status: { code: 0 } } as unknown as EndedSpanView;
    const claim = interpreter.classify(view) ?? {
      convention: genAi,
      operation: "model",
      scope: "",
    };
    expect(interpreter.started(claim, view, asText)).toEqual({});
    expect(interpreter.ended(claim, view, asText)).toEqual({});
    expect(interpreter.tokens(claim, view)).toBeUndefined();
    expect(interpreter.failure(claim, view)).toBeUndefined();
    expect(interpreter.runId(claim, view)).toBeUndefined();
    expect(interpreter.read(undefined, view, asText).value("conversationId")).toBeUndefined();
    expect(interpreter.firstChunkMillis(view.attributes)).toBeUndefined();
  });

  test("a name, scope, status or exception of the wrong type is none", () => {
    const view = {
      name: { toString: () => "chat m" },
      scope: 7,
      attributes: { "gen_ai.operation.name": "execute_tool" },
      status: null,
      exception: null,
    } as unknown as EndedSpanView;
    const claim = interpreter.classify(view) as Claim;
    expect(interpreter.ended(claim, view, asText)).toEqual({ toolName: "unknown" });
    expect(interpreter.failure(claim, view)).toBeUndefined();
    const named = { ...view, attributes: { "error.type": "Timeout" } };
    expect(interpreter.failure(claim, named)).toEqual({ type: "Timeout", message: "Timeout" });
  });

  test("a count is a finite number from 0 up, and nothing that merely looks like one", () => {
    const counts = {
      "gen_ai.usage.input_tokens": 0,
      "gen_ai.usage.output_tokens": "21",
      "gen_ai.usage.total_tokens": -3,
    };
    const view = { name: "chat m", scope: "", attributes: { "gen_ai.operation.name": "chat", ...counts } };
    expect(interpreter.tokens(interpreter.classify(view) as Claim, view)).toEqual({ inputTokens: 0 });
  });
});

describe("words", () => {
  const ended = (attributes: Record<string, unknown>): Record<string, unknown> => {
    const view = span({ "gen_ai.operation.name": "chat", ...attributes });
    return interpreter.ended(interpreter.classify(view) as Claim, view, asText);
  };

  test.each([
    ...["stop", "STOP", "Stop-Sequence", "end_turn", "stop_sequence", "eos", "complete"].map((word) => [word, "stop"]),
    ...["tool-calls", "TOOL_CALLS", "tool_call", "tool_use", "function_call"].map((word) => [word, "tool_calls"]),
    ...["length", "LENGTH", "max_tokens", "MAX-OUTPUT-TOKENS"].map((word) => [word, "length"]),
    ...["content-filter", "CONTENT_FILTER", "content_filtered", "safety", "blocked", "guardrail_intervened"].map(
      (word) => [word, "content_filter"],
    ),
    ["Error", "error"],
    ["pause-turn", "pause-turn"],
    ["toString", "toString"],
  ])("the finish reason %s is told as %s", (word, told) => {
    expect(ended({ "gen_ai.response.finish_reasons": [word] })).toEqual({ finishReason: told });
  });

  test.each([
    ...["chat", "completion", "completions", "embedding", "embeddings", "textEmbedding", "responses", "messages"],
    ...["generative-ai", "image", "transcription", "speech", "rerank", "reranking"],
  ])("the provider openai.%s is told as openai", (api) => {
    expect(ended({ "gen_ai.provider.name": ` openai.${api} ` })).toEqual({ provider: "openai" });
  });

  test.each(["aws.bedrock", "azure.ai.openai", "gcp.vertex_ai", "my.chat.proxy", "chat"])(
    "the provider %s is told as it is",
    (word) => {
      expect(ended({ "gen_ai.provider.name": word })).toEqual({ provider: word });
    },
  );

  test.each(["langchain", "LangGraph", "mastra", "genkit.chat", "strands-agents", "gcp.vertex.agent"])(
    "%s is no provider, but a framework",
    (word) => {
      expect(ended({ "gen_ai.provider.name": word, "gen_ai.system": "openai" })).toEqual({ provider: "openai" });
      expect(ended({ "gen_ai.system": word })).toEqual({});
    },
  );
});

describe("a failure", () => {
  const chat = { "gen_ai.operation.name": "chat" };
  const failure = (view: EndedSpanView) => interpreter.failure(interpreter.classify(view), view);

  test("is none without a sign, whatever the message of the status says", () => {
    expect(failure(span(chat, { status: { code: 0, message: "fine" } }))).toBeUndefined();
    expect(failure(span(chat, { status: { code: 1 } }))).toBeUndefined();
  });

  test("is the status ERROR, also of a span that nobody claims", () => {
    const status = { code: 2, message: "boom" };
    expect(failure(span(chat, { status }))).toEqual({ type: "error", message: "boom" });
    expect(failure(span({}, { status }))).toEqual({ type: "error", message: "boom" });
    expect(failure(span(chat, { status: { code: 2 } }))).toEqual({ type: "error", message: "error" });
  });

  test.each([
    [thrownBy(() => JSON.parse("SECRET words")), "Unexpected token 'S', … is not valid JSON"],
    [thrownBy(() => JSON.parse(`{"a": "${"x".repeat(50)}", SECRET}`)), " in JSON at position"],
    [thrownBy(() => JSON.parse("SECRET\nwords")), "Unexpected token 'S', … is not valid JSON"],
    [thrownBy(() => JSON.parse("```json\nSECRET\n```")), "Unexpected token '`', … is not valid JSON"],
    ['The config "a.json" is not valid JSON', 'The config "a.json" is not valid JSON'],
    [thrownBy(() => JSON.parse("[SECRET, and more and more and more]")), "Unexpected token 'S', … is not valid JSON"],
    [new JSONParseError({ text: "SECRET", cause: new Error("x") }).message, "JSON parsing failed: Text: …"],
    [new TypeValidationError({ value: "SECRET", cause: new Error("x") }).message, "Type validation failed: Value: …"],
    [
      new TypeValidationError({ value: "SECRET", cause: 0, context: { field: "a", entityName: "b" } }).message,
      "Type validation failed for a (b): Value: …",
    ],
    ['Failed to parse. Text: "SECRET". Error: x', "Failed to parse. Text: …"],
  ])("quotes nothing that could not be read: %s", (message, told) => {
    expect(failure(span(chat, { exception: { type: "Error", message } }))?.message).toContain(told);
    expect(failure(span(chat, { status: { code: 2, message } }))?.message).not.toContain("SECRET");
  });

  test("is a recorded exception, also where the status is OK", () => {
    const exception = { type: "TypeError", message: "boom" };
    expect(failure(span(chat, { exception, status: { code: 1 } }))).toEqual({ type: "TypeError", message: "boom" });
    expect(failure(span(chat, { exception: { message: "boom" } }))).toEqual({ type: "error", message: "boom" });
  });

  test("is `error.type`, which names it unless it says nothing", () => {
    const exception = { type: "Error", message: "boom" };
    expect(failure(span({ ...chat, "error.type": "Timeout" }))).toEqual({ type: "Timeout", message: "Timeout" });
    expect(failure(span({ ...chat, "error.type": "Timeout" }, { exception }))).toEqual({
      type: "Timeout",
      message: "boom",
    });
    for (const type of ["unknown", "_OTHER"]) {
      expect(failure(span({ ...chat, "error.type": type }, { exception }))?.type).toBe("Error");
    }
    expect(failure(span({ ...chat, "error.type": "_OTHER" }))?.type).toBe("_OTHER");
    for (const none of ["", '""', 7]) expect(failure(span({ ...chat, "error.type": none }))).toBeUndefined();
  });

  test("takes its message from the exception, then `error.message`, then the family's own, then the status", () => {
    const attributes = {
      "langfuse.observation.type": "tool",
      "langfuse.observation.level": "ERROR",
      "langfuse.observation.status_message": "of langfuse",
    };
    const status = { code: 2, message: "of the status" };
    const withMessage = { ...attributes, "error.message": "of the attribute" };
    expect(failure(span(withMessage, { status, exception: { message: "of the exception" } }))?.message).toBe(
      "of the exception",
    );
    expect(failure(span(withMessage, { status }))?.message).toBe("of the attribute");
    expect(failure(span(attributes, { status }))?.message).toBe("of langfuse");
    expect(failure(span(chat, { status }))?.message).toBe("of the status");
  });

  test("tells the first line of the message, at most 500 characters and no half of one", () => {
    const told = (message: string): string | undefined =>
      failure(span(chat, { status: { code: 2, message } }))?.message;
    expect(told("boom\n    at file.js:1")).toBe("boom");
    expect(told("\r\n\n boom \r\nmore")).toBe("boom");
    expect(told("x".repeat(500))).toBe("x".repeat(500));
    expect(told(`${"x".repeat(500)} `)).toBe("x".repeat(500));
    expect(told("x".repeat(501))).toBe("x".repeat(500));
    expect(told(`${"x".repeat(498)}😀y`)).toBe(`${"x".repeat(498)}😀`);
    expect(told(" ")).toBe("error");
    expect(told("a\rb")).toBe("a");
    expect(told(`${"x".repeat(499)}😀`)).toBe("x".repeat(499));
  });

  test.each([
    "AbortError",
    "This operation was aborted",
    "The operation was aborted.",
    "Request was aborted.",
    "Error: Request was aborted.",
    "MCP error -32001: AbortError: This operation was aborted",
    "Abort",
  ])("is an abort where the message is %j, whatever the error is called", (message) => {
    expect(failure(span(chat, { exception: { type: "Error", message } }))).toEqual({ type: "AbortError", message });
    expect(failure(span(chat, { status: { code: 2, message } }))?.type).toBe("AbortError");
  });

  test("is an abort where that is its type", () => {
    expect(failure(span({ ...chat, "error.type": "AbortError" }))?.type).toBe("AbortError");
    expect(failure(span({ ...chat, "error.type": "unknown" }))).toEqual({ type: "unknown", message: "unknown" });
  });

  test.each([
    "Please Abort",
    "not Aborted",
    "Aborted early",
    "x AbortError",
    "Aborting the landing",
    "the transaction was aborted",
    "No AbortError here",
    "This operation was aborted by hand",
  ])("is none where it only talks of one: %j", (message) => {
    expect(failure(span(chat, { exception: { type: "Error", message } }))?.type).toBe("Error");
  });

  test("is what a table says it is, on a span that somebody claims", () => {
    const own = new Interpreter([
      acme({
        failures: [
          { source: "a", is: "bad *", message: ["b", { from: "json", key: "c", path: "why" }] },
          { source: { from: "json", key: "c", path: "ok" }, is: "no" },
          { source: { from: "name", like: "* failed" }, is: "*.x", message: [] },
        ],
      }),
    ]);
    const told = (attributes: Record<string, unknown>, name = "work") => {
      const view = span(attributes, { name });
      return own.failure(own.classify(view), view)?.message;
    };
    const kind = { "acme.kind": "tool" };
    expect(told({ ...kind, a: "bad luck", b: "broken" })).toBe("broken");
    expect(told({ ...kind, a: "bad luck", b: 7, c: '{"why":"torn"}' })).toBe("torn");
    expect(told({ ...kind, a: "bad luck" })).toBe("error");
    expect(told({ ...kind, c: { ok: "no", why: "torn" } })).toBe("error");
    expect(told(kind, "it.x failed")).toBe("error");
    const anything = new Interpreter([
      acme({ failures: [{ source: { from: "json", key: "c", path: "why" }, is: "*" }] }),
    ]);
    const claimed = (attributes: Record<string, unknown>) =>
      anything.classify(span({ ...kind, ...attributes })) as Claim;
    for (const c of [undefined, "", "{}", { why: "" }, { why: {} }]) {
      expect(anything.failure(claimed({ c }), span({ ...kind, c }))).toBeUndefined();
    }
    expect(anything.failure(claimed({}), span({ ...kind, c: { why: "x" } }))).toBeDefined();
    for (const attributes of [{ a: "good" }, { b: "broken" }, { c: "{" }, { c: { ok: "yes" } }, {}]) {
      expect(told({ ...kind, ...attributes })).toBeUndefined();
    }
    expect(told(kind, "it failed")).toBeUndefined();
    expect(told({ a: "bad luck" }), "claimed by none").toBeUndefined();
    expect(told({ ...kind, a: "BAD luck", b: "broken" }), "in capitals").toBe("broken");
  });

  test("may be told by a number or boolean, and only by spans that do certain work", () => {
    const own = new Interpreter([
      acme({
        failures: [
          { source: "a", is: "true" },
          { source: "b", is: "5*" },
          {
            source: { from: "attribute", key: "c", for: ["tool"] },
            is: "bad",
            message: [{ from: "attribute", key: "d", for: ["tool"] }],
          },
          { source: { from: "equals", key: "e", value: "1" }, is: "true" },
        ],
      }),
    ]);
    const fails = (kind: string, attributes: object) => {
      const view = span({ "acme.kind": kind, ...attributes });
      return own.failure(own.classify(view), view)?.message;
    };
    for (const attributes of [{ a: true }, { b: 500 }, { c: "bad" }, { e: 1 }])
      expect(fails("tool", attributes), JSON.stringify(attributes)).toBe("error");
    expect(fails("tool", { c: "bad", d: "broken" })).toBe("broken");
    for (const attributes of [{ a: false }, { b: 404 }, { c: "good" }, { e: 2 }])
      expect(fails("tool", attributes), JSON.stringify(attributes)).toBeUndefined();
    expect(fails("model", { c: "bad" })).toBeUndefined();
  });

  test("and a run id that a table tells without an attribute are of spans of its own", () => {
    const mine = acme({
      runId: [{ from: "name", like: "job *" }],
      failures: [{ source: { from: "name", like: "job *" }, is: "7" }],
    });
    const own = new Interpreter([mine, ...defaultConventions]);
    const told = (attributes: Record<string, unknown>) => {
      const view = span(attributes, { name: "job 7" });
      const claim = own.classify(view);
      return [own.runId(claim, view), own.failure(claim, view)?.type];
    };
    expect(told({ "acme.kind": "tool" })).toEqual(["7", "error"]);
    expect(told({ "gen_ai.operation.name": "chat" })).toEqual([undefined, undefined]);
    expect(own.runId(undefined, span({}, { name: "job 7" }))).toBeUndefined();
  });

  test("is the finish reason `error` of a model", () => {
    for (const reasons of [["error"], ["ERROR"], '["Error"]']) {
      const view = span({ ...chat, "gen_ai.response.finish_reasons": reasons });
      expect(failure(view)).toEqual({ type: "error", message: "the model finished with an error" });
    }
  });
});

describe("token counts", () => {
  const counts = { "gen_ai.usage.input_tokens": 100, "gen_ai.usage.output_tokens": 20 };
  const tokens = (operation: string) => {
    const view = span({ "gen_ai.operation.name": operation, ...counts });
    return interpreter.tokens(interpreter.classify(view) as Claim, view);
  };

  test("are told of models, embeddings and agents, not of what is around or between them", () => {
    const told = { inputTokens: 100, outputTokens: 20 };
    expect(["chat", "embeddings", "invoke_agent"].map(tokens)).toEqual([told, told, told]);
    expect(["execute_tool", "invoke_workflow", "agent_step", "plan", "rerank", "fetch_response"].map(tokens)).toEqual(
      Array(6).fill(undefined),
    );
  });

  test("may be meant for other operations by a table", () => {
    const table = acme({
      fields: { inputTokens: ["in"] },
      tokens: { operations: ["tool"], where: { attributes: { billed: "yes" } } },
    });
    const own = new Interpreter([table]);
    const read = (attributes: Record<string, unknown>) => {
      const view = span(attributes);
      return own.tokens(own.classify(view) as Claim, view);
    };
    expect(read({ "acme.kind": "tool", in: 5, billed: "yes" })).toEqual({ inputTokens: 5 });
    expect(read({ "acme.kind": "tool", in: 5 })).toBeUndefined();
    expect(read({ "acme.kind": "model", in: 5, billed: "yes" })).toBeUndefined();
  });

  test("of a table that counts exclusively are added up, unless they already are the total", () => {
    const fields = {
      inputTokens: ["in"],
      outputTokens: ["out"],
      totalTokens: ["all"],
      cacheReadTokens: ["cached"],
      cacheWriteTokens: ["written"],
      reasoningTokens: ["thought"],
    };
    const own = new Interpreter([acme({ fields, tokens: { exclusive: true } })]);
    const read = (attributes: Record<string, unknown>) => {
      const view = span({ "acme.kind": "model", ...attributes });
      return own.tokens(own.classify(view) as Claim, view);
    };
    const parts = { in: 50, out: 10, cached: 40, written: 10, thought: 5 };
    expect(read(parts)).toMatchObject({ inputTokens: 100, outputTokens: 15 });
    expect(read({ ...parts, all: 115 })).toMatchObject({ inputTokens: 100, outputTokens: 15, totalTokens: 115 });
    expect(read({ ...parts, all: 60 })).toMatchObject({ inputTokens: 50, outputTokens: 10, totalTokens: 60 });
    expect(read({ cached: 40 })).toEqual({ cacheReadTokens: 40 });
    expect(read({ in: 50 })).toEqual({ inputTokens: 50 });
    for (const all of [0, 60]) expect(read({ all })).toEqual({ totalTokens: all });
    expect(read({ in: "50" })).toBeUndefined();
  });

  test("of a table that counts exclusively are not added to the parts that another one tells", () => {
    const own = new Interpreter([
      acme({ fields: { inputTokens: ["in"], outputTokens: ["out"] }, tokens: { exclusive: true } }),
      acme({ name: "Other", claims: [], fields: { cacheReadTokens: ["cached"], reasoningTokens: ["thought"] } }),
    ]);
    const view = span({ "acme.kind": "model", in: 50, out: 10, cached: 40, thought: 5 });
    expect(own.tokens(own.classify(view) as Claim, view)).toEqual({
      ...{ inputTokens: 50, outputTokens: 10, cacheReadTokens: 40, reasoningTokens: 5 },
    });
  });

  test("are asked for of models in any case, else where their table counts", () => {
    const own = new Interpreter([acme({ tokens: { operations: ["tool"] } })]);
    const tells = (kind: string) => own.tellsTokens(own.classify(span({ "acme.kind": kind })) as Claim);
    expect(["model", "tool", "agent"].map(tells)).toEqual([true, true, false]);
  });
});

describe("the first chunk", () => {
  const claimIn = (scope: string, attributes: Record<string, unknown>): Claim =>
    interpreter.classify({ name: "", scope, attributes }) as Claim;

  test("is told by a span event of the AI SDK", () => {
    expect([...interpreter.firstChunkEvents]).toEqual(["ai.stream.firstChunk"]);
    expect(interpreter.firstChunkMillis({ "ai.response.msToFirstChunk": 14.4 })).toBe(14.4);
  });

  test("is told by an attribute in the scope that sets it then, on a model span", () => {
    const scope = "@opentelemetry/instrumentation-openai";
    const chat = claimIn(scope, { "gen_ai.operation.name": "chat" });
    expect(interpreter.firstChunkAttribute(chat, "gen_ai.response.id")).toBe(true);
    expect(interpreter.firstChunkAttribute(chat, "gen_ai.response.model")).toBe(false);
    const tool = claimIn(scope, { "gen_ai.operation.name": "execute_tool" });
    expect(interpreter.firstChunkAttribute(tool, "gen_ai.response.id")).toBe(false);
    const elsewhere = claimIn("gen_ai", { "gen_ai.operation.name": "chat" });
    expect(interpreter.firstChunkAttribute(elsewhere, "gen_ai.response.id")).toBe(false);
  });

  test("is told by an attribute in any scope, where its table names none", () => {
    const own = new Interpreter([acme({ firstChunk: { attributes: [{ key: "a" }] } })]);
    const claim = own.classify(span({ "acme.kind": "model" })) as Claim;
    expect(own.firstChunkAttribute(claim, "a")).toBe(true);
    expect(own.firstChunkAttribute({ ...claim, scope: "" }, "a")).toBe(true);
    expect(own.firstChunkAttribute(claim, "b")).toBe(false);
  });

  test("is told in seconds, milliseconds or as a date", () => {
    expect(interpreter.firstChunkMillis({ "gen_ai.response.time_to_first_chunk": 0.5 })).toBe(500);
    expect(interpreter.firstChunkMillis({ "gen_ai.client.operation.time_to_first_chunk": 0.5 })).toBe(500);
    const date = { "langfuse.observation.completion_start_time": '"2026-01-01T00:00:01.000Z"' };
    expect(interpreter.firstChunkMillis(date, Date.UTC(2026, 0, 1))).toBe(1000);
    expect(interpreter.firstChunkMillis(date)).toBeUndefined();
  });
});

describe("attribute keys", () => {
  test.each([
    "gen_ai.input.messages",
    "gen_ai.output.messages",
    "gen_ai.system_instructions",
    "gen_ai.tool.call.arguments",
    "gen_ai.tool.call.result",
    "gen_ai.tool.definitions",
    "gen_ai.prompt.0.content",
    "ai.prompt",
    "ai.prompt.messages",
    "ai.response.text",
    "ai.response.toolCalls",
    "ai.toolCall.args",
    "ai.toolCall.result",
    "input.value",
    "output.value",
    "llm.input_messages.0.message.content",
    "llm.tools.0.tool.json_schema",
    "retrieval.documents.0.document.content",
    "traceloop.entity.input",
    "langfuse.observation.output",
    "langfuse.observation.metadata.note",
    "genkit:input",
    "genkit:output",
    "mastra.agent_run.input",
    "mastra.model_chunk.output",
    "mlflow.spanInputs",
    "gen_ai.memory.query.text",
    "gen_ai.memory.records",
    "traceloop.prompt.template_variables.name",
    "input.audio.transcript",
    "output.audio.url",
    "ai.response.providerMetadata",
    "genkit:metadata:context",
    "content",
    "gen_ai.request.messages",
    "gen_ai.request.available_tools",
    "gen_ai.embeddings.input",
    "gen_ai.response.text",
    "gen_ai.tool.input",
    "gen_ai.tool.output",
    "gcp.vertex.agent.llm_request",
    "gcp.vertex.agent.llm_response",
    "gcp.vertex.agent.tool_call_args",
    "gcp.vertex.agent.tool_response",
    "gcp.vertex.agent.data",
    "gen_ai.agent.input",
    "system_prompt",
    "tool.result",
  ])("%s holds content", (key) => {
    expect(interpreter.isContent(key)).toBe(true);
  });

  test.each([
    "gen_ai.operation.name",
    "gen_ai.request.model",
    "gen_ai.usage.input_tokens",
    "ai.model.id",
    "tool.name",
    "session.id",
    "llm.model_name",
    "llm.token_count.prompt",
    "http.request.method",
    "error.message",
    "mastra.metadata.runId",
    "genkit:name",
  ])("%s holds none", (key) => {
    expect(interpreter.isContent(key)).toBe(false);
  });

  test.each([
    "gen_ai.usage.input_tokens",
    "gen_ai.usage.cache_read.input_tokens",
    "gen_ai.response.finish_reasons",
    "ai.usage.totalTokens",
    "ai.response.finishReason",
    "llm.token_count.completion",
    "llm.finish_reason",
    "langfuse.observation.usage_details",
    "mlflow.chat.tokenUsage",
  ])("%s is watched", (key) => {
    expect(interpreter.isWatched(key)).toBe(true);
  });

  test("are those of all tables, with and without fields and content", () => {
    const counts = ["inputTokens", "outputTokens", "totalTokens", "cacheReadTokens", "cacheWriteTokens"] as const;
    const watched = [...counts, "reasoningTokens", "finishReason"] as const;
    const own = new Interpreter([
      acme({}),
      acme({ fields: Object.fromEntries(watched.map((field) => [field, [`key of ${field}`]])), content: ["secret.*"] }),
      acme({ fields: { model: ["model"], input: ["asked", { from: "constant", value: "x" }] } }),
    ]);
    for (const field of watched) expect(own.isWatched(`key of ${field}`)).toBe(true);
    expect(["model", "asked", "secret.x"].map((key) => own.isWatched(key))).toEqual([false, false, false]);
    expect(["model", "asked", "secret.x"].map((key) => own.isContent(key))).toEqual([false, true, true]);
  });

  test("an answer is not watched for the counts inside it, nor is anything else", () => {
    expect(interpreter.isWatched("genkit:output")).toBe(false);
    expect(interpreter.isWatched("gen_ai.request.model")).toBe(false);
  });
});
