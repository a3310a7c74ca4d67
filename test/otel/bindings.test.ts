import { context, propagation } from "@opentelemetry/api";
import { currentRunId, runContext } from "spanbus";
import { describe, expect, it } from "vitest";
import { leak, listen, pass, readAll, Service, withContextManager, withFakeTime } from "./support.js";

withContextManager();
withFakeTime();

const entry = () => propagation.getBaggage(context.active())?.getEntry("spanbus.run.id")?.value;

describe("runContext", () => {
  it("returns what the function returns and passes on what it throws", () => {
    expect(runContext("r", () => 7)).toBe(7);
    expect(() =>
      runContext("r", () => {
        throw new Error("mine");
      }),
    ).toThrow("mine");
  });

  it("binds across awaits and not beyond the call", async () => {
    await runContext("r", async () => {
      await Promise.resolve();
      expect(currentRunId()).toBe("r");
    });
    expect(currentRunId()).toBeUndefined();
  });

  it.each(["", "x".repeat(257), "a\u0007b", 7 as unknown as string])(
    "ignores the invalid id %j and runs the function",
    (id) => {
      expect(runContext(id, () => currentRunId())).toBeUndefined();
      expect(runContext("outer", () => runContext(id, () => currentRunId()))).toBe("outer");
    },
  );

  it("writes no baggage", () => {
    runContext("r", () => expect(entry()).toBeUndefined());
  });

  it("writes the baggage entry when told to propagate, and keeps the entries of others", () => {
    const others = propagation.setBaggage(
      context.active(),
      propagation.createBaggage({ "user.id": { value: "u1" }, "spanbus.run.id": { value: "stale" } }),
    );
    context.with(others, () => {
      runContext(
        "r",
        () => {
          expect(entry()).toBe("r");
          expect(propagation.getBaggage(context.active())?.getEntry("user.id")?.value).toBe("u1");
        },
        { propagate: true },
      );
    });
  });

  it("removes an inherited baggage entry when not told to propagate, and only that", () => {
    const inherited = propagation.setBaggage(
      context.active(),
      propagation.createBaggage({ "user.id": { value: "u1" }, "spanbus.run.id": { value: "outer" } }),
    );
    context.with(inherited, () => {
      runContext("r", () => {
        expect(entry()).toBeUndefined();
        expect(propagation.getBaggage(context.active())?.getEntry("user.id")?.value).toBe("u1");
      });
      expect(entry()).toBe("outer");
    });
  });

  it("carries the run to another bus that accepts it", () => {
    const [here, there] = [new Service(), new Service({ acceptRemoteRun: true })];
    runContext(
      "r",
      () => {
        here.agent("caller");
        const request = propagation.setBaggage(
          context.active().deleteValue(Symbol.for("spanbus.binding")),
          propagation.getBaggage(context.active()) ?? propagation.createBaggage(),
        );
        there.agent("callee", { under: request, root: true });
      },
      { propagate: true },
    );
    expect(there.types("r")).toEqual(["agent.invocation.started"]);
  });
});

describe("a binding", () => {
  it("makes no run by itself", () => {
    const service = new Service();
    runContext("r", () => {});
    expect(service.bus.runs()).toEqual([]);
    expect(service.bus.stats()).toMatchObject({ activeRuns: 0, retainedRuns: 0 });
  });

  it("is sealed with its run: what starts under a leaked context is refused and counted", () => {
    const service = new Service();
    const late = runContext("r", () => {
      service.agent("a").end();
      return leak();
    });
    service.bus.closeStream("r");
    const before = service.history("r");
    late(() => {
      service.agent("late").end();
      service.log("note");
      expect(service.bus.emit("note")).toBeUndefined();
    });
    expect(service.history("r")).toEqual(before);
    expect(service.bus.runs()).toHaveLength(1);
    expect(service.bus.stats().refused).toBeGreaterThanOrEqual(3);
  });

  it("is sealed also when the context leaks through a timer", async () => {
    const service = new Service();
    let leaked = () => {};
    await service.bus.run("r", async () => {
      service.agent("a").end();
      leaked = context.bind(context.active(), () => service.agent("late").end());
    });
    await pass();
    expect(service.fate("r")).toBe("completed");
    setTimeout(leaked, 1000);
    const before = service.history("r");
    await pass(1000);
    expect(service.history("r")).toEqual(before);
    expect(service.fate("r")).toBe("completed");
  });

  it("stays sealed when a later generation of the same id is open", () => {
    const service = new Service();
    const late = runContext("r", () => {
      service.agent("first").end();
      return leak();
    });
    service.bus.closeStream("r");
    runContext("r", () => service.agent("second"));
    const before = service.history("r");
    late(() => {
      service.agent("late").end();
      service.log("note");
      service.bus.emit("note");
      service.bus.publish({ runId: "r", type: "note" });
    });
    expect(before.map(({ data }) => (data as { agentName?: string }).agentName)).toEqual(["second"]);
    expect(service.history("r")).toEqual(before);
  });

  it("that had no event yet is sealed by a close of its id", () => {
    const service = new Service();
    const late = runContext("r", leak);
    service.bus.publish({ runId: "r", type: "note" });
    service.bus.closeStream("r");
    late(() => service.agent("late").end());
    expect(service.types("r")).toEqual(["note"]);
  });

  it("that had no event yet stays sealed when a later generation is open", () => {
    const service = new Service();
    const late = runContext("r", leak);
    service.bus.publish({ runId: "r", type: "note" });
    service.bus.closeStream("r");
    runContext("r", () => service.agent("second"));
    late(() => service.agent("late").end());
    expect(service.types("r")).toEqual(["agent.invocation.started"]);
  });

  it("that had no event yet stays sealed when a later generation was open and is closed as well", () => {
    const service = new Service();
    const late = runContext("r", leak);
    service.bus.closeStream("r");
    runContext("r", () => service.agent("second").end());
    service.bus.closeStream("r");
    const before = service.history("r");
    late(() => service.agent("late").end());
    expect(service.history("r")).toEqual(before);
  });

  it("made before a close of an id that nobody knew is sealed by it", () => {
    const service = new Service();
    const late = runContext("r", leak);
    expect(service.bus.closeStream("r")).toBe(true);
    late(() => service.agent("late").end());
    expect(service.bus.runs()).toEqual([]);
  });

  it("inside another of the same id is sealed with it", () => {
    const service = new Service();
    const late = runContext("r", () => {
      service.agent("a").end();
      return runContext("r", leak);
    });
    service.bus.closeStream("r");
    late(() => service.agent("late").end());
    expect(service.types("r")).not.toContain("agent.invocation.failed");
    expect(service.history("r").filter(({ type }) => type === "agent.invocation.started")).toHaveLength(1);
  });

  it("made anew inside a sealed one opens the next generation", () => {
    const service = new Service();
    const late = runContext("r", () => {
      service.agent("first").end();
      return leak();
    });
    service.bus.closeStream("r");
    late(() => runContext("r", () => service.agent("second")));
    expect(service.fate("r")).toBe("open");
    expect(service.event("r", "agent.invocation.started").data.agentName).toBe("second");
  });

  it("of another run is not touched by a close", () => {
    const service = new Service();
    const late = runContext("other", leak);
    runContext("r", () => service.agent("a").end());
    service.bus.closeStream("r");
    late(() => service.agent("b"));
    expect(service.fate("other")).toBe("open");
  });

  it("lets readers of the sealed run end although its context leaked", async () => {
    const service = new Service();
    const late = runContext("r", () => {
      service.agent("a").end();
      return leak();
    });
    const reader = service.bus.subscribe("r");
    service.bus.closeStream("r");
    late(() => service.agent("late"));
    expect(await readAll(reader)).toHaveLength(3);
    expect(await reader.ended).toEqual({ reason: "closed", outcome: "completed" });
  });

  it("goes on in a new generation when the run's history was dropped: that forgets the seal", () => {
    const service = new Service();
    const heard = listen(service.bus);
    const late = runContext("r", () => {
      service.agent("a").end();
      return leak();
    });
    service.bus.closeStream("r");
    service.bus.dropHistory("r");
    late(() => service.agent("again"));
    expect(service.types("r")).toEqual(["agent.invocation.started"]);
    expect(heard.filter((word) => word.startsWith("opened"))).toHaveLength(2);
  });
});
