import { type DiagLogger, diag } from "@opentelemetry/api";
import { currentRunId, EventBus, emit, getEventBus, resetEventBus, runContext, setEventBus } from "spanbus";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { Service, traceIdOf, withContextManager, withFakeTime, within } from "./support.js";

withContextManager();
withFakeTime();

const warn = vi.fn();

beforeEach(() => {
  resetEventBus();
  const rest = { error: vi.fn(), info: vi.fn(), debug: vi.fn(), verbose: vi.fn() };
  diag.setLogger({ warn, ...rest } satisfies DiagLogger, { suppressOverrideMessage: true });
  warn.mockClear();
});
afterEach(() => {
  resetEventBus();
  diag.disable();
});

describe("getEventBus", () => {
  it("makes the bus of the process on first use, and gives the same from then on", () => {
    const bus = getEventBus();
    expect(bus).toBeInstanceOf(EventBus);
    expect(getEventBus()).toBe(bus);
  });

  it("gives what setEventBus was given", () => {
    const bus = new EventBus();
    setEventBus(bus);
    expect(getEventBus()).toBe(bus);
  });

  it("makes a new one when the old one was shut down", async () => {
    const bus = getEventBus();
    await bus.shutdown();
    expect(getEventBus()).not.toBe(bus);
    expect(getEventBus().publish({ runId: "r", type: "note" })).toBeDefined();
  });

  it("makes a new one after resetEventBus, and the old one goes on", () => {
    const bus = getEventBus();
    resetEventBus();
    expect(getEventBus()).not.toBe(bus);
    expect(bus.publish({ runId: "r", type: "note" })).toBeDefined();
  });

  it("gives the same bus to a copy of the module, as bundlers make them", async () => {
    const bus = getEventBus();
    vi.resetModules();
    const copy = await import("spanbus");
    expect(copy.EventBus).not.toBe(EventBus);
    expect(copy.getEventBus()).toBe(bus);
    runContext("r", () => expect(copy.currentRunId()).toBe("r"));
  });

  it("survives something foreign in the place of its registry", () => {
    const holder = globalThis as { [key: symbol]: unknown };
    const key = Symbol.for("spanbus.1");
    const registry = holder[key];
    try {
      for (const foreign of [undefined, null, 7, "bus", {}]) {
        holder[key] = foreign;
        expect(getEventBus()).toBeInstanceOf(EventBus);
      }
    } finally {
      holder[key] = registry;
    }
  });
});

describe("emit", () => {
  it("publishes on the bus of the process, in the current run, with the ids of the active span", () => {
    const service = new Service();
    setEventBus(service.bus);
    const agent = service.agent("a");
    const event = within(agent, () => emit("order.placed", { orderId: 7 }));
    expect(event).toMatchObject({
      runId: traceIdOf(agent),
      type: "order.placed",
      spanId: agent.spanContext().spanId,
      traceId: traceIdOf(agent),
      data: { orderId: 7 },
    });
    expect(service.types(agent)).toEqual(["agent.invocation.started", "order.placed"]);
  });

  it("without a bus does nothing, says so once through diag, and makes none", () => {
    for (let count = 0; count < 3; count += 1) runContext("r", () => expect(emit("note")).toBeUndefined());
    expect(warn).toHaveBeenCalledOnce();
    expect(getEventBus().runs()).toEqual([]);
    expect(getEventBus().stats().published).toBe(0);
  });

  it("says it again after resetEventBus", () => {
    emit("note");
    resetEventBus();
    emit("note");
    expect(warn).toHaveBeenCalledTimes(2);
  });

  it("outside of every run is refused and counted", () => {
    const bus = getEventBus();
    expect(emit("note")).toBeUndefined();
    expect(bus.stats()).toMatchObject({ refused: 1, published: 0 });
  });

  it.each(["bus.gap", "", "x".repeat(257)])("refuses the name %j", (name) => {
    const bus = getEventBus();
    runContext("r", () => expect(emit(name)).toBeUndefined());
    expect(bus.stats()).toMatchObject({ refused: 1, published: 0, activeRuns: 0 });
  });

  it("never throws, whatever the data", () => {
    const bus = getEventBus();
    const hostile = {
      get bad() {
        throw new Error("no");
      },
      fine: 1,
    };
    runContext("r", () => expect(emit("note", hostile)).toMatchObject({ data: { fine: 1 } }));
    runContext("r", () => expect(() => emit(undefined as never, 7 as never)).not.toThrow());
    expect(bus.history("r").length).toBeGreaterThan(0);
  });

  it("on a bus that was shut down is refused", async () => {
    const bus = getEventBus();
    await bus.shutdown();
    runContext("r", () => expect(emit("note")).toBeUndefined());
  });
});

describe("currentRunId", () => {
  it("knows bindings without any bus, and makes none", () => {
    expect(currentRunId()).toBeUndefined();
    runContext("r", () => expect(currentRunId()).toBe("r"));
    expect(Object.getOwnPropertyDescriptor(globalThis, Symbol.for("spanbus.1"))?.value?.bus).toBeUndefined();
  });

  it("is the trace id of the active span without a bus", () => {
    const agent = new Service().agent("a");
    within(agent, () => expect(currentRunId()).toBe(traceIdOf(agent)));
  });

  it("is, with a bus, the run that a span started here would get", () => {
    const service = new Service();
    setEventBus(service.bus);
    const agent = runContext("r", () => service.agent("a"));
    within(agent, () => {
      expect(currentRunId()).toBe("r");
      service.tool("t");
      expect(service.types("r")).toContain("agent.tool.started");
    });
  });

  it("is the accepted id in baggage", async () => {
    const { context, propagation } = await import("@opentelemetry/api");
    setEventBus(new EventBus({ acceptRemoteRun: true }));
    const baggage = propagation.createBaggage({ "spanbus.run.id": { value: "remote" } });
    context.with(propagation.setBaggage(context.active(), baggage), () => expect(currentRunId()).toBe("remote"));
  });
});
