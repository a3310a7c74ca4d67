import { EventBus, type EventBusOptions } from "spanbus";
import { describe, expect, it } from "vitest";

describe("a caller's mistake", () => {
  it.each<[string, unknown, new () => Error, string]>([
    ["content", "some", RangeError, '`content` must be one of "none", "preview", "full", got "some"'],
    ["content", true, TypeError, '`content` must be one of "none", "preview", "full", got true'],
    ["include", "llm", RangeError, '`include` must be one of "agent", "all" or a function, got "llm"'],
    ["include", 1, TypeError, '`include` must be one of "agent", "all" or a function, got 1'],
    [
      "attributes",
      "user.id",
      TypeError,
      '`attributes` must be an array of attribute names or a function, got "user.id"',
    ],
    ["attributes", [1], TypeError, "`attributes` must be an array of attribute names or a function, got"],
    ["conventions", {}, TypeError, "`conventions` must be an array of conventions, got"],
    ["runId", "r", TypeError, '`runId` must be a function, got "r"'],
    ["acceptRemoteRun", "yes", TypeError, '`acceptRemoteRun` must be true or false, got "yes"'],
    ["maxOpenSpans", 0, RangeError, "`maxOpenSpans` must be a positive integer, got 0"],
    ["closeGraceMillis", -1, RangeError, "`closeGraceMillis` must be a positive integer, got -1"],
  ])("in the option `%s` is told with what is allowed, and what was given: %j", (name, value, kind, message) => {
    const make = () => new EventBus({ [name]: value } as EventBusOptions);
    expect(make).toThrow(kind);
    expect(make).toThrow(message);
  });

  it.each<[string, (bus: EventBus) => unknown, string]>([
    ["a place in a history", (bus) => bus.history("r", { after: 5 as never }), "`after` must be an event id, got 5"],
    ["how much of one", (bus) => bus.history("r", { limit: 0 }), "`limit` must be a positive integer, got 0"],
    ["a tap", (bus) => bus.tap(undefined as never), "`listener` must be a function or an object of functions, got"],
    ["what a tap hears", (bus) => bus.tap({ opened: 1 as never }), "`listener.opened` must be a function, got 1"],
    ["a signal", (bus) => bus.subscribe("r", { signal: 1 as never }), "`signal` must be an AbortSignal, got 1"],
    ["what runs", (bus) => bus.run("r", 1 as never), "`fn` must be a function, got number"],
  ])("in a call is told as well: %s", (_, call, message) => {
    expect(() => call(new EventBus())).toThrow(message);
  });
});
