import { runInNewContext } from "node:vm";
import type { Span } from "@opentelemetry/api";
import { currentRunId, runContext } from "spanbus";
import { describe, expect, it } from "vitest";
import {
  fail,
  leak,
  listen,
  pass,
  readAll,
  Service,
  traceIdOf,
  withContextManager,
  withFakeTime,
  within,
} from "./support.js";

withContextManager();
withFakeTime();

const later = <T>(millis: number, value?: T) => new Promise<T>((resolve) => setTimeout(resolve, millis, value as T));

function fails(error: Error): never {
  throw error;
}

/** Looks like a promise by its name. */
class Mute {
  readonly [Symbol.toStringTag] = "Promise";
  // biome-ignore lint/suspicious/noThenProperty: that is what it is about
  then(): void {}
  catch(): void {}
}

describe("bus.run", () => {
  it("gives the function the run id and returns what it returns", async () => {
    const { bus } = new Service();
    expect(bus.run("r", (runId) => [runId, currentRunId()])).toEqual(["r", "r"]);
    await expect(bus.run("r", async () => 7)).resolves.toBe(7);
  });

  it("returns a promise of a class of its own as it is, with what else it can do", async () => {
    const { bus } = new Service();
    class Upload extends Promise<number> {
      progress = 0.5;
    }
    const upload = new Upload((resolve) => resolve(7));
    const returned = bus.run("r", () => upload);
    expect(returned).toBe(upload);
    expect(returned.progress).toBe(0.5);
  });

  it("returns a promise with its properties: they are part of the result", async () => {
    const service = new Service();
    const child = { pid: 7 };
    const kill = Symbol("kill");
    const started = Object.assign(later(50, "done"), { child, [kill]: 15 });
    const returned = service.bus.run("r", () => started);
    expect(returned.child).toBe(child);
    expect(returned[kill]).toBe(15);
    await pass(50);
    await expect(returned).resolves.toBe("done");
  });

  it("reads no property of a promise that it returns", async () => {
    const { bus } = new Service();
    const touchy = Object.defineProperty(Promise.resolve(7), "touchy", {
      get() {
        throw new Error("mine");
      },
    });
    await expect(bus.run("r", () => touchy)).resolves.toBe(7);
  });

  it("closes many that end at one moment in the order in which they ended", async () => {
    const service = new Service();
    const heard = listen(service.bus);
    const names = Array.from({ length: 9 }, (_, n) => `r${n}`);
    for (const name of names) service.bus.run(name, () => void service.bus.emit("note"));
    await pass();
    expect(heard.filter((each) => each.startsWith("closed"))).toEqual(names.map((name) => `closed ${name} unknown`));
  });

  it("closes outside of what it bound, as it was called", async () => {
    const { bus } = new Service();
    const around: (string | undefined)[] = [];
    bus.tap({ closed: () => around.push(currentRunId()) });
    const over = bus.run("r", async () => {
      bus.emit("note");
      await later(1);
      throw new Error("mine");
    });
    over.catch(() => {});
    await pass(1);
    expect(around).toEqual([undefined]);
  });

  it.each<[string, object]>([
    ["calls itself a promise", { [Symbol.toStringTag]: "Promise" }],
    [
      "does not let itself be looked at",
      new Proxy(
        {},
        {
          get() {
            throw new Error("no");
          },
        },
      ),
    ],
  ])("returns an object that %s as it is", (_what, object) => {
    const { bus } = new Service();
    expect(bus.run("r", () => ({ object })).object).toBe(object);
    expect(
      Object.is(
        bus.run("r", () => object),
        object,
      ),
    ).toBe(true);
  });

  it("waits for a promise of another realm", async () => {
    const { bus } = new Service();
    const timer = { setTimeout };
    const working = runInNewContext("new Promise((resolve) => timer.setTimeout(resolve, 1000))", { timer });
    bus.run("r", () => {
      bus.emit("first");
      return working;
    });
    await pass(999);
    expect(bus.runs()).toMatchObject([{ state: "open" }]);
    await pass(2);
    expect(bus.runs()).toMatchObject([{ state: "closed" }]);
  });

  it("leaves alone what somebody else began under the id of its run, which was dropped", async () => {
    const { bus } = new Service();
    const working = bus.run("r", async () => {
      bus.emit("first");
      await later(50);
    });
    bus.dropHistory("r");
    bus.publish({ runId: "r", type: "other" });
    await pass(50);
    await working;
    await pass();
    expect(bus.publish({ runId: "r", type: "other" })).toMatchObject({ seq: 2 });
  });

  it("makes a new id for each call without one", () => {
    const { bus } = new Service();
    const ids = [bus.run((runId) => runId), bus.run((runId) => runId)];
    expect(ids[0]).toMatch(/^[0-9a-f-]{36}$/);
    expect(ids[1]).not.toBe(ids[0]);
  });

  it.each(["", "x".repeat(257)])("runs under a new id, and counts it, when given the invalid id %j", (id) => {
    const { bus } = new Service();
    expect(bus.run(id, (runId) => runId)).toMatch(/^[0-9a-f-]{36}$/);
    expect(bus.stats().refused).toBe(1);
  });

  it("complains about a caller that gives no function", () => {
    const { bus } = new Service();
    expect(() => bus.run("r", undefined as never)).toThrow(TypeError);
  });

  it("closes one macrotask after a synchronous function", async () => {
    const service = new Service();
    service.bus.run("r", () => service.agent("a").end());
    expect(service.fate("r")).toBe("open");
    await pass();
    expect(service.fate("r")).toBe("completed");
  });

  it("closes after the promise settled, not with the agent inside", async () => {
    const service = new Service();
    const done = service.bus.run("r", async () => {
      service.agent("first").end();
      await later(60_000);
      service.agent("second").end();
      await later(60_000);
    });
    await pass(60_000);
    expect(service.fate("r")).toBe("open");
    expect(service.types("r").filter((type) => type === "agent.terminate")).toHaveLength(2);
    await pass(60_000);
    await done;
    await pass();
    expect(service.fate("r")).toBe("completed");
  });

  it("waits for a stream whose spans start after the function returned", async () => {
    const service = new Service({ closeGraceMillis: 10 });
    const stream = service.bus.run("r", () => {
      const bound = leak();
      const started = Promise.resolve().then(() => bound(() => service.agent("streamer")));
      return { started };
    });
    const agent = await stream.started;
    await pass(60_000);
    expect(service.fate("r")).toBe("open");
    service.model({ under: agent }).end();
    agent.end();
    await pass();
    expect(service.fate("r")).toBe("completed");
    expect(service.types("r")).toContain("agent.model.completed");
  });

  it("keeps waiting when the spans of a stream follow one another in one macrotask", async () => {
    const service = new Service();
    const bound = service.bus.run("r", leak);
    const first = bound(() => service.agent("first"));
    await pass();
    first.end();
    const second = bound(() => service.agent("second"));
    await pass(1000);
    expect(service.fate("r")).toBe("open");
    second.end();
    await pass();
    expect(service.fate("r")).toBe("completed");
  });

  it("refuses spans that start when it is over", async () => {
    const service = new Service();
    const bound = service.bus.run("r", () => {
      service.agent("a").end();
      return leak();
    });
    await pass();
    bound(() => service.agent("late").end());
    expect(service.types("r")).toHaveLength(3);
  });

  it("refuses spans that start when it is over without ever having had an event", async () => {
    const service = new Service();
    const bound = service.bus.run("r", leak);
    await pass();
    bound(() => service.agent("late").end());
    expect(service.bus.runs()).toEqual([]);
    expect(service.bus.stats().refused).toBeGreaterThan(0);
  });

  it("refuses a context that leaked out of it for ever, also when its only event was withheld", async () => {
    const service = new Service({ redact: (draft) => (draft.type === "secret" ? undefined : draft) });
    service.bus.run("r", () => service.bus.emit("note"));
    await pass();
    const leaked = service.bus.run("r", () => {
      service.bus.emit("secret");
      return leak();
    });
    await pass();
    const sealed = service.bus.standing("r");
    expect(leaked(() => service.bus.emit("note"))).toBeUndefined();
    expect(service.bus.standing("r")).toEqual(sealed);
  });

  it("closes what others published under its id, also when its own only event was withheld", async () => {
    const service = new Service({ redact: (draft) => (draft.type === "secret" ? undefined : draft) });
    service.bus.run("r", () => service.bus.emit("secret"));
    service.bus.publish({ runId: "r", type: "note" });
    await pass();
    expect(service.fate("r")).toBe("unknown");
  });

  it("publishes chunks that wait before it closes", async () => {
    const service = new Service({ transient: [] });
    service.bus.run("r", () => {
      const agent = service.agent("a");
      service.log("agent.model.chunk", { on: agent, attributes: { text: "last words" } });
      service.plain("POST", { under: agent }).end();
      service.bus.emit("agent.model.chunk", { text: "nobody's" });
      agent.end();
    });
    await pass();
    expect(service.types("r")).toContain("agent.model.chunk");
    expect(service.types("r").at(-1)).toBe("agent.terminate");
    expect(service.bus.stats().refused).toBe(0);
  });

  it("waits for spans that are no events as well", async () => {
    const service = new Service();
    const work = service.bus.run("r", () => {
      service.agent("a").end();
      return { span: service.plain("upload") };
    });
    await pass(60_000);
    expect(service.fate("r")).toBe("open");
    work.span.end();
    await pass();
    expect(service.fate("r")).toBe("completed");
  });

  it("does not wait for the request around it", async () => {
    const service = new Service();
    const server = service.plain("GET /");
    within(server, () => service.bus.run("r", () => service.agent("a").end()));
    await pass();
    expect(service.fate("r")).toBe("completed");
    server.end();
    expect(service.fate(server)).toBeUndefined();
  });

  it("closes as unknown when there was no agent span", async () => {
    const service = new Service();
    service.bus.run("r", () => service.bus.emit("note"));
    await pass();
    expect(service.fate("r")).toBe("unknown");
  });

  it("ends readers also when there was no event at all", async () => {
    const { bus } = new Service();
    const reader = bus.subscribe("r");
    bus.run("r", () => {});
    await pass();
    expect(await readAll(reader)).toEqual([]);
    expect(await reader.ended).toEqual({ reason: "closed", outcome: "unknown" });
  });

  it("closes at once as failed when the function throws, and throws the same", () => {
    const service = new Service();
    const error = new Error("mine");
    const act = () =>
      service.bus.run("r", () => {
        service.agent("a");
        throw error;
      });
    expect(act).toThrow(error);
    expect(service.fate("r")).toBe("failed");
    expect(service.types("r")).toEqual(["agent.invocation.started", "agent.invocation.failed", "agent.terminate"]);
  });

  it("closes at once as failed when the promise rejects, and leaves the rejection to the caller", async () => {
    const service = new Service();
    const done = service.bus.run("r", async () => {
      service.agent("a").end();
      await Promise.resolve();
      throw new Error("mine");
    });
    await expect(done).rejects.toThrow("mine");
    expect(service.fate("r")).toBe("failed");
  });

  it("lets spans that are open end when the promise rejects, and closes with the last", async () => {
    const service = new Service();
    let agent: Span | undefined;
    const done = service.bus.run("r", async () => {
      agent = service.agent("a");
      await Promise.resolve();
      throw Object.assign(new Error("stopped"), { name: "AbortError" });
    });
    await expect(done).rejects.toThrow("stopped");
    await pass(99);
    expect(service.fate("r")).toBe("open");
    agent?.recordException(Object.assign(new Error("stopped by hand"), { name: "AbortError" }));
    fail(agent as Span);
    expect(service.fate("r")).toBe("cancelled");
    expect(service.event("r", "agent.invocation.failed").data.error.message).toBe("stopped by hand");
    expect(service.event("r", "agent.terminate").data.reason).toBe("cancelled");
  });

  it("waits a tenth of a second for them, and gives up those that never end", async () => {
    const service = new Service();
    const done = service.bus.run("r", async () => {
      service.agent("a");
      await Promise.resolve();
      throw new Error("mine");
    });
    await expect(done).rejects.toThrow("mine");
    await pass(100);
    expect(service.fate("r")).toBe("failed");
    expect(service.event("r", "agent.invocation.failed").data.error.type).toBe("abandoned");
  });

  it("that is run again while it waits is another generation", async () => {
    const service = new Service();
    const attempt = () =>
      service.bus.run("r", async () => {
        service.agent("a");
        await Promise.resolve();
        throw new Error("mine");
      });
    await expect(attempt()).rejects.toThrow("mine");
    service.bus.run("r", () => service.agent("b").end());
    await pass();
    expect(service.types("r")).toEqual(["agent.invocation.started", "agent.invocation.completed", "agent.terminate"]);
    await pass(200);
    expect(service.fate("r")).toBe("completed");
  });

  it.each([
    ["that has the name of one", Object.assign(new Error("stopped"), { name: "AbortError" })],
    ["of OpenAI's client, which only says so", new Error("Request was aborted.")],
  ])("closes as cancelled when the function throws an abort %s", (_, error) => {
    const service = new Service();
    const act = () =>
      service.bus.run("r", () => {
        service.agent("a").end();
        throw error;
      });
    expect(act).toThrow(error);
    expect(service.fate("r")).toBe("cancelled");
  });

  it("leaves a thenable alone that is no promise: its then may be what starts the work", async () => {
    const service = new Service();
    let executed = 0;
    class Query {
      // biome-ignore lint/suspicious/noThenProperty: query builders are thenables
      then(resolved: (rows: number) => void) {
        executed += 1;
        resolved(7);
      }
    }
    const query = new Query();
    expect(service.bus.run("r", () => ({ query })).query).toBe(query);
    expect(service.bus.run("r", () => query)).toBe(query);
    await pass();
    expect(executed).toBe(0);
    expect(await query).toBe(7);
    expect(executed).toBe(1);
  });

  it("leaves a promise alone whose then is its own, and closes when the spans in it are over", async () => {
    const service = new Service();
    let parsed = 0;
    class Answer extends Promise<string> {}
    // As clients have it that parse an answer when it is awaited.
    // biome-ignore lint/suspicious/noThenProperty: that is what it is about
    Object.defineProperty(Answer.prototype, "then", {
      value(this: Answer, ...handlers: Parameters<Promise<string>["then"]>) {
        parsed += 1;
        return Promise.prototype.then.apply(this, handlers);
      },
    });
    const answer = new Answer((resolve) => resolve("hello"));
    let call: Span | undefined;
    const returned = service.bus.run("r", () => {
      call = service.model();
      return answer;
    });
    expect(returned).toBe(answer);
    await pass(1);
    expect([parsed, service.fate("r")]).toEqual([0, "open"]);
    call?.end();
    await pass();
    expect(service.fate("r")).toBe("unknown");
    expect([await returned, parsed]).toEqual(["hello", 1]);
  });

  it.each<[string, () => object]>([
    ["has no promise inside", () => Object.create(Promise.prototype)],
    ["stands in front of one", () => new Proxy(Promise.resolve(7), {})],
    ["has methods that answer nothing", () => new Mute()],
    [
      "has a then of its own that answers nothing",
      // biome-ignore lint/suspicious/noThenProperty: that is what it is about
      () => Object.assign(Promise.resolve(7), { then: Mute.prototype.then }),
    ],
  ])("returns what looks like a promise and %s as it is, and closes", async (_what, make) => {
    const { bus } = new Service();
    const odd = { made: make() };
    // A promise is awaited when it is returned by an async function, not when it is compared.
    const returned = {
      made: bus.run("r", () => {
        bus.emit("note");
        return odd.made;
      }),
    };
    expect(Object.is(returned.made, odd.made)).toBe(true);
    await pass(1);
    expect(bus.runs()).toMatchObject([{ state: "closed" }]);
  });

  it.each<[string, (error: Error) => unknown]>([
    ["throws", (error) => fails(error)],
    ["rejects with", async (error) => fails(error)],
  ])(
    "is failed by an error that it %s and that does not let itself be looked at, and passes that on",
    async (_, fn) => {
      const service = new Service();
      const error = Object.defineProperty(new Error("mine"), "message", {
        get() {
          throw new Error("not mine");
        },
      });
      const outcome = (async () =>
        service.bus.run("r", () => {
          service.bus.emit("note");
          return fn(error);
        }))();
      const caught = await outcome.catch((thrown: unknown) => [thrown]);
      expect(Object.is((caught as unknown[])[0], error)).toBe(true);
      expect(service.fate("r")).toBe("failed");
    },
  );

  it("closes after the grace period when the function settled but a span below the root never ends", async () => {
    const service = new Service({ closeGraceMillis: 1000 });
    service.bus.run("r", () => {
      const agent = service.agent("a");
      service.tool("stuck", { under: agent });
      agent.end();
    });
    await pass(999);
    expect(service.fate("r")).toBe("open");
    await pass(1);
    expect(service.fate("r")).toBe("completed");
    expect(service.event("r", "agent.tool.failed").data.error.type).toBe("abandoned");
  });

  it("starts that grace period when the function settles, if the root was over before", async () => {
    const service = new Service({ closeGraceMillis: 1000 });
    const done = service.bus.run("r", async () => {
      const agent = service.agent("a");
      service.tool("stuck", { under: agent });
      agent.end();
      await later(10_000);
    });
    await pass(9_999);
    expect(service.fate("r")).toBe("open");
    await pass(1);
    await done;
    await pass();
    expect(service.fate("r")).toBe("open");
    await pass(1000);
    expect(service.fate("r")).toBe("completed");
  });

  it("may be closed from inside; what follows is refused and its end changes nothing", async () => {
    const service = new Service();
    const heard = listen(service.bus);
    service.bus.run("r", () => {
      service.agent("a").end();
      service.bus.closeStream("r", "cancelled");
      service.agent("late").end();
    });
    await pass();
    expect(service.fate("r")).toBe("cancelled");
    expect(heard.filter((word) => word.startsWith("closed"))).toEqual(["closed r cancelled"]);
    expect(service.types("r")).toHaveLength(3);
  });

  it("of an id that is over begins the next generation", async () => {
    const service = new Service();
    for (const name of ["first", "second"]) {
      service.bus.run("r", () => service.agent(name).end());
      await pass();
    }
    expect(service.event("r", "agent.invocation.started")).toMatchObject({ seq: 1, data: { agentName: "second" } });
  });
});

describe("bus.run in bus.run", () => {
  it("without an id makes a run of its own that knows its parent", async () => {
    const service = new Service();
    const inner = service.bus.run("outer", () => {
      service.agent("a").end();
      return service.bus.run((runId) => {
        service.agent("b").end();
        return runId;
      });
    });
    expect(service.info(inner)?.parentRunId).toBe("outer");
    expect(service.info("outer")?.parentRunId).toBeUndefined();
    await pass();
    expect(service.fate(inner)).toBe("completed");
  });

  it("knows its parent also when that is an unbound run", () => {
    const service = new Service();
    const agent = service.agent("a");
    const inner = within(agent, () =>
      service.bus.run((runId) => {
        service.agent("b").end();
        return runId;
      }),
    );
    expect(service.info(inner)?.parentRunId).toBe(traceIdOf(agent));
  });

  it("has no parent where the spans around it are no events: their trace is no run", () => {
    const service = new Service();
    const request = service.plain("GET /ask");
    const inner = within(request, () =>
      service.bus.run((runId) => {
        service.agent("b").end();
        return runId;
      }),
    );
    expect(service.info(inner)?.parentRunId).toBeUndefined();
  });

  it("without an id closes on its own, before or after the outer one", async () => {
    const service = new Service();
    let inner = "";
    const done = service.bus.run("outer", async () => {
      service.agent("a").end();
      void service.bus.run(async (runId) => {
        inner = runId;
        service.agent("b").end();
        await later(5000);
      });
      await later(1000);
    });
    await pass(1000);
    await done;
    await pass();
    expect([service.fate("outer"), service.fate(inner)]).toEqual(["completed", "open"]);
    await pass(5000);
    expect(service.fate(inner)).toBe("completed");
  });

  it("with the id of the outer one joins it: the inner end does not close", async () => {
    const service = new Service();
    const done = service.bus.run("r", async () => {
      await service.bus.run("r", async () => service.agent("inner").end());
      await later(1000);
      service.agent("outer").end();
    });
    await pass(500);
    expect(service.fate("r")).toBe("open");
    await pass(500);
    await done;
    await pass();
    expect(service.fate("r")).toBe("completed");
    expect(service.types("r").filter((type) => type === "agent.terminate")).toHaveLength(2);
  });

  it("with the id of one in progress elsewhere joins it: the last to settle closes", async () => {
    const service = new Service();
    const call = (name: string, millis: number) =>
      service.bus.run("r", async () => {
        service.agent(name).end();
        await later(millis);
      });
    const calls = [call("short", 1000), call("long", 2000)];
    await pass(1500);
    expect(service.fate("r")).toBe("open");
    await pass(500);
    await Promise.all(calls);
    await pass();
    expect(service.fate("r")).toBe("completed");
    expect(service.bus.runs()).toHaveLength(1);
  });

  it("joins also in the moment between the end of the function and the close", async () => {
    const service = new Service();
    service.bus.run("r", () => service.agent("first").end());
    const done = service.bus.run("r", async () => {
      service.agent("second").end();
      await later(1000);
    });
    await pass(500);
    expect(service.fate("r")).toBe("open");
    expect(service.types("r")).toHaveLength(6);
    await pass(500);
    await done;
    await pass();
    expect(service.fate("r")).toBe("completed");
  });

  it("that settles last decides: earlier failures of the same id do not", async () => {
    const service = new Service();
    const call = (millis: number, error?: Error) =>
      service.bus
        .run("r", async () => {
          service.agent("a").end();
          await later(millis);
          if (error) throw error;
        })
        .catch(() => {});
    const calls = [call(1000, new Error("early")), call(2000)];
    await pass(1500);
    expect(service.fate("r")).toBe("open");
    await pass(501);
    await Promise.all(calls);
    expect(service.fate("r")).toBe("completed");
    const again = [call(1000), call(2000, new Error("late"))];
    await pass(2001);
    await Promise.all(again);
    expect(service.fate("r")).toBe("failed");
  });

  it("joins one whose function settled while a stream of it goes on", async () => {
    const service = new Service();
    const stream = service.bus.run("r", () => ({ agent: service.agent("streamer") }));
    await pass(1000);
    service.bus.run("r", () => service.agent("quick").end());
    await pass(1000);
    expect(service.fate("r")).toBe("open");
    stream.agent.end();
    await pass();
    expect(service.fate("r")).toBe("completed");
    expect(service.types("r")).toHaveLength(6);
  });

  it("begins the next generation when the run was closed meanwhile, and both are closed in the end", async () => {
    const service = new Service();
    const heard = listen(service.bus);
    service.bus.run("r", () => {
      service.agent("first").end();
      service.bus.closeStream("r", "cancelled");
      service.bus.run("r", () => service.agent("second").end());
    });
    await pass();
    expect(heard.filter((word) => /^(opened|closed) /.test(word))).toEqual([
      "opened r",
      "closed r cancelled",
      "opened r",
      "closed r completed",
    ]);
    expect(service.bus.stats().activeRuns).toBe(0);
  });

  it("that throws inside one of the same id leaves it open if the outer one caught that", async () => {
    const service = new Service();
    service.bus.run("r", () => {
      expect(() =>
        service.bus.run("r", () => {
          throw new Error("inner");
        }),
      ).toThrow("inner");
      service.agent("a").end();
    });
    await pass();
    expect(service.fate("r")).toBe("completed");
  });

  it("throws through: both are failed", () => {
    const service = new Service();
    expect(() =>
      service.bus.run("outer", () => {
        service.agent("a").end();
        service.bus.run("inner", () => {
          service.agent("b").end();
          throw new Error("deep");
        });
      }),
    ).toThrow("deep");
    expect([service.fate("inner"), service.fate("outer")]).toEqual(["failed", "failed"]);
  });
});

describe("bus.run and runContext", () => {
  it("of the same id: the context goes on when the call is over", async () => {
    const service = new Service();
    await runContext("r", async () => {
      service.bus.run("r", () => service.agent("inside").end());
      await Promise.resolve();
    });
    await pass(60_000);
    expect(service.fate("r")).toBe("open");
    expect(service.bus.closeStream("r")).toBe(true);
    expect(service.fate("r")).toBe("completed");
  });

  it("of the same id: a throw does not close what the context bound", () => {
    const service = new Service();
    runContext("r", () => {
      service.agent("before").end();
      expect(() =>
        service.bus.run("r", () => {
          throw new Error("mine");
        }),
      ).toThrow("mine");
    });
    expect(service.fate("r")).toBe("open");
  });

  it("of the same id side by side: the end of the call does not close what the context bound", async () => {
    const service = new Service();
    const agent = runContext("r", () => service.agent("bound"));
    service.bus.run("r", () => service.agent("inside").end());
    await pass(1000);
    expect(service.fate("r")).toBe("open");
    agent.end();
    service.bus.closeStream("r");
    expect(service.types("r").filter((type) => type === "agent.terminate")).toHaveLength(2);
  });

  it("of the same id side by side: a call without events does not close what the context bound either", async () => {
    const service = new Service();
    runContext("r", () => service.agent("bound"));
    service.bus.run("r", () => {});
    await pass(1000);
    expect(service.fate("r")).toBe("open");
  });

  it("of the same id: calls without events that are over in it leave the next generation to the context", async () => {
    const service = new Service();
    service.bus.publish({ runId: "r", type: "before" });
    service.bus.closeStream("r");
    service.bus.run("r", () => {});
    runContext("r", () => {
      expect(() =>
        service.bus.run("r", () => {
          throw new Error("mine");
        }),
      ).toThrow("mine");
      service.bus.emit("note");
    });
    await pass(1000);
    expect(service.types("r")).toEqual(["note"]);
    expect(service.fate("r")).toBe("open");
  });

  it("of another id inside a context: the call closes its own run only", async () => {
    const service = new Service();
    runContext("context", () => {
      service.agent("a").end();
      service.bus.run("call", () => service.agent("b").end());
    });
    await pass();
    expect([service.fate("context"), service.fate("call")]).toEqual(["open", "completed"]);
    expect(service.info("call")?.parentRunId).toBe("context");
  });

  it("of an id whose call is further out: what a call inside binds for it closes with that", async () => {
    const service = new Service();
    const over = service.bus.run("parent", async (parent) => {
      service.bus.emit("begin");
      await service.bus.run("child", async () => {
        runContext(parent, () => service.bus.emit("progress"));
        await later(1);
      });
    });
    await pass(1);
    await over;
    await pass();
    expect(service.types("parent")).toEqual(["begin", "progress"]);
    expect(service.fate("parent")).toBe("unknown");
  });

  it("of an id whose call was over before: what is bound goes on until closeStream", async () => {
    const service = new Service();
    const leaked = service.bus.run("first", () => service.bus.run("second", () => leak()));
    await pass();
    leaked(() => runContext("first", () => service.bus.emit("later")));
    await pass(1000);
    expect(service.types("first")).toEqual(["later"]);
    expect(service.fate("first")).toBe("open");
  });

  it("the other way round: a context of the same id inside a call closes with the call", async () => {
    const service = new Service();
    service.bus.run("r", () => runContext("r", () => service.agent("a").end()));
    await pass();
    expect(service.fate("r")).toBe("completed");
    expect(service.types("r")).toHaveLength(3);
  });
});

describe("bus.run of an id whose run was ended while its function had not settled", () => {
  const endings: [string, (service: Service) => void][] = [
    ["closed", (service) => service.bus.closeStream("job", "cancelled")],
    ["dropped", (service) => service.bus.dropHistory("job")],
  ];

  it.each(endings)("begins another generation when it was %s, which ends with its own function", async (_how, end) => {
    const service = new Service();
    const hung = service.bus.run("job", () => {
      service.bus.emit("first");
      return later(5000);
    });
    end(service);
    const reader = service.bus.run("job", () => {
      service.bus.emit("second");
      return service.bus.subscribe("job");
    });
    await pass();
    expect(await readAll(reader)).toMatchObject([{ type: "second", seq: 1 }]);
    await pass(5000);
    await hung;
    expect(service.types("job")).toEqual(["second"]);
    expect(service.bus.stats()).toMatchObject({ activeRuns: 0, runSubscribers: 0 });
  });

  it("is not failed by what the function before throws later", async () => {
    const service = new Service();
    const failing = service.bus.run("job", async () => {
      service.bus.emit("first");
      await later(10);
      throw new Error("too late");
    });
    service.bus.closeStream("job", "cancelled");
    const working = service.bus.run("job", () => {
      service.agent("a").end();
      return later(50);
    });
    const rejected = expect(failing).rejects.toThrow("too late");
    await pass(10);
    await rejected;
    expect(service.fate("job")).toBe("open");
    await pass(50);
    await working;
    await pass();
    expect(service.fate("job")).toBe("completed");
  });

  it.each<[string, (stop: () => boolean) => boolean]>([
    ["from outside", (stop) => stop()],
    ["by its own function", (stop) => runContext("other", () => stop())],
  ])("can be closed before its first event, %s: what follows is refused", async (_where, from) => {
    const service = new Service();
    service.bus.run("job", () => service.bus.emit("first"));
    await pass();
    const { generation } = service.info("job") ?? {};
    const stop = (): boolean => service.bus.closeStream("job", "cancelled");
    service.bus.run("job", () => {
      expect(from(stop)).toBe(true);
      expect(stop()).toBe(false);
      expect(service.bus.emit("second")).toBeUndefined();
    });
    await pass();
    expect(service.info("job")).toMatchObject({ generation, events: 1 });
    expect(service.bus.stats()).toMatchObject({ refused: 1, activeRuns: 0 });
    service.bus.run("job", () => service.bus.emit("third"));
    expect(service.types("job")).toEqual(["third"]);
  });

  it("is closed before its first event also where `runContext` bound it", () => {
    const service = new Service();
    runContext("job", () => service.bus.emit("first"));
    service.bus.closeStream("job");
    runContext("job", () => {
      expect(service.bus.closeStream("job", "cancelled")).toBe(true);
      expect(service.bus.emit("second")).toBeUndefined();
    });
    expect(service.types("job")).toEqual(["first"]);
  });
});

describe("`parentRunId`", () => {
  it("is of the call that began the run, not of those that join it", () => {
    const { bus } = new Service();
    bus.run("a", () => {
      bus.run("b", () => {
        bus.emit("note");
        bus.run("a", () => bus.emit("note"));
      });
      expect(bus.runInfo("a")?.parentRunId).toBeUndefined();
      expect(bus.runInfo("b")?.parentRunId).toBe("a");
    });
  });
});
