import { EventBus } from "spanbus";
import { createHandler, type HandlerOptions } from "spanbus/http";
import { expect, it } from "vitest";
import { everybody } from "./support.js";

it.each<[unknown, new (message: string) => Error, string]>([
  [undefined, TypeError, "`options` must be an object, got undefined"],
  [{}, TypeError, "`authorize` must be a function, got undefined"],
  [{ heartbeatMillis: 0 }, RangeError, "`heartbeatMillis` must be a positive integer, got 0"],
  [{ heartbeatMillis: "1" }, TypeError, '`heartbeatMillis` must be a positive integer, got "1"'],
  [{ heartbeatMillis: 2 ** 31 }, RangeError, "`heartbeatMillis` must be at most 2147483647, got 2147483648"],
  [{ maxConnections: 1.5 }, RangeError, "`maxConnections` must be a positive integer, got 1.5"],
  [{ page: "no" }, TypeError, '`page` must be true or false, got "no"'],
  [{ basePath: 5 }, TypeError, "`basePath` must be a path"],
  [{ basePath: "spanbus" }, RangeError, '`basePath` must be a path that begins with "/"'],
  [{ basePath: "/a//b" }, RangeError, "without query or empty segments"],
  [{ basePath: "/a?b" }, RangeError, "without query or empty segments"],
  [{ cors: true }, TypeError, '`cors` must be "*" or a list of origins'],
  [{ cors: ["*"] }, RangeError, '`cors` must be "*" or a list of origins'],
  [{ cors: ["https://app.example/"] }, RangeError, '`cors` must be "*" or a list of origins'],
  [{ onError: "log" }, TypeError, '`onError` must be a function, got "log"'],
])("createHandler refuses %j", (given, kind, message) => {
  const isObject = typeof given === "object" && Object.keys(given ?? {}).length > 0;
  const options = (isObject ? { authorize: everybody, ...given } : given) as HandlerOptions;
  const create = () => createHandler(new EventBus(), options);
  expect(create).toThrow(kind);
  expect(create).toThrow(message);
});

it("createHandler refuses what is no bus", () => {
  const bus = {} as unknown as EventBus;
  expect(() => createHandler(bus, { authorize: everybody })).toThrow("`bus` must be an EventBus, got [object Object]");
});

it("takes every option as undefined", () => {
  const none = { basePath: undefined, heartbeatMillis: undefined, maxConnections: undefined, page: undefined };
  const options = { authorize: everybody, ...none, cors: undefined, onError: undefined };
  expect(() => createHandler(new EventBus(), options)).not.toThrow();
});
