import { describe, expect, it } from "vitest";
import { listen, requestFrom, Service, traceIdOf, withContextManager } from "../otel/support.js";
import { readToEnd, readWaiting, restoreAfterEach, shown } from "./support.js";

restoreAfterEach();
withContextManager();

/** A run in which an agent is at work. */
function atWork(): { service: Service; runId: string } {
  const service = new Service();
  return { service, runId: traceIdOf(service.agent("agent", { root: true })) };
}

/** A run that another process began, and in which nothing is open any more. */
async function paused(): Promise<{ service: Service; runId: string }> {
  const service = new Service({ closeGraceMillis: 1 });
  const agent = service.agent("agent", { under: requestFrom() });
  const runId = traceIdOf(agent);
  const reader = service.bus.subscribe(runId);
  agent.end();
  await readToEnd(reader);
  return { service, runId };
}

describe("a run that ends while a span is open", () => {
  const endings = {
    dropHistory: (service: Service, runId: string) => service.bus.dropHistory(runId),
    closeStream: (service: Service, runId: string) => service.bus.closeStream(runId, "cancelled"),
  };

  it.each(Object.entries(endings))("gives the span up first, then is over once: %s", async (name, end) => {
    const { service, runId } = atWork();
    const all = service.bus.subscribeGlobal();
    const heard = listen(service.bus);
    expect(service.bus.runInfo(runId)?.openSpans).toBe(1);
    expect(end(service, runId)).toBe(true);
    const outcome = name === "dropHistory" ? "unknown" : "cancelled";
    expect(heard.slice(0, 1)).toEqual(["agent.invocation.failed"]);
    expect(heard.slice(-1)).toEqual([`closed ${runId} ${outcome}`]);
    expect(heard.filter((word) => word.startsWith("closed"))).toHaveLength(1);
    expect((await readWaiting(all)).at(-1)).toMatchObject({ type: "bus.run.closed", data: { outcome } });
    expect(service.bus.stats()).toMatchObject({ openSpans: 0, abandonedSpans: 1, activeRuns: 0 });
  });

  it.each([
    ["closeStream", "closeStream", "sealed"],
    ["closeStream", "dropHistory", "forgotten"],
    ["dropHistory", "closeStream", "forgotten"],
    ["dropHistory", "dropHistory", "forgotten"],
  ] as const)("is over once although who hears its last event ends it, too: %s, %s: it is %s", (first, then, fate) => {
    const { service, runId } = atWork();
    const { bus } = service;
    const heard = listen(bus);
    bus.tap((event) => {
      if (event.type === "agent.invocation.failed") endings[then](service, runId);
    });
    expect(endings[first](service, runId)).toBe(true);
    expect(heard.filter((word) => word.startsWith("closed"))).toHaveLength(1);
    expect(bus.stats()).toMatchObject({ openSpans: 0, activeRuns: 0 });
    expect(bus.publish({ runId, type: "note" }) === undefined).toBe(fate === "sealed");
  });

  it("lets nobody publish who decides, also when it was the one that ended the run", () => {
    const { service, runId } = atWork();
    const { bus } = service;
    const answers: unknown[] = [];
    bus.subscribe("run", {
      where: () => {
        bus.closeStream(runId);
        answers.push(bus.publish({ runId: "another", type: "note" }));
        return true;
      },
    });
    bus.publish({ runId: "run", type: "note" });
    expect(answers).toEqual([undefined]);
    expect(bus.stats().activeRuns).toBe(1);
  });

  it("counts its open spans", () => {
    const { service, runId } = atWork();
    const more = [service.model(), service.model()];
    const open = () => [...new Set([runId, ...more.map(traceIdOf)])].map((id) => service.info(id)?.openSpans);
    expect(open()).toEqual([1, 1, 1]);
    more[0]?.end();
    expect(open()).toEqual([1, 0, 1]);
  });
});

describe("shutdown", () => {
  it("ends every run, once, also when who hears of the first shuts down again or begins another", async () => {
    const service = new Service();
    const { bus } = service;
    const heard = listen(bus);
    bus.tap({
      closed: () => {
        void bus.shutdown();
        bus.publish({ runId: "new", type: "note" });
      },
    });
    const readers = ["a", "b", "c"].map((runId) => {
      bus.publish({ runId, type: "note" });
      return bus.subscribe(runId, { after: "live" });
    });
    await bus.shutdown();
    expect(heard.slice(-3)).toEqual(["closed a unknown", "closed b unknown", "closed c unknown"]);
    for (const reader of readers) {
      expect(shown(await readToEnd(reader))).toEqual([]);
      expect(await reader.ended).toEqual({ reason: "shutdown", outcome: "unknown" });
    }
    expect(bus.runInfo("new")).toBeUndefined();
  });

  it("ends a run of another process as detached", async () => {
    const service = new Service();
    const foreign = traceIdOf(service.agent("agent", { under: requestFrom() }));
    const own = traceIdOf(service.agent("agent", { root: true }));
    expect([foreign, own].map((runId) => service.bus.runInfo(runId)?.owned)).toEqual([false, true]);
    await service.bus.shutdown();
    expect([foreign, own].map((runId) => service.fate(runId))).toEqual(["detached", "abandoned"]);
    expect([foreign, own].map((runId) => service.bus.runInfo(runId)?.owned)).toEqual([false, true]);
  });
});

describe("a run that goes on in another process", () => {
  it("pauses here, and is told to be over once, also when it is closed then", async () => {
    const { service, runId } = await paused();
    expect(service.bus.runInfo(runId)).toMatchObject({ state: "closed", outcome: "detached", owned: false });
    const heard = listen(service.bus);
    expect(service.bus.closeStream(runId, "completed")).toBe(true);
    expect(service.bus.closeStream(runId, "failed")).toBe(false);
    expect(heard).toEqual([]);
    expect(service.bus.runInfo(runId)).toMatchObject({ state: "closed", outcome: "completed", owned: false });
  });

  it("tells readers of all runs how it paused", async () => {
    const service = new Service({ closeGraceMillis: 1 });
    const all = service.bus.subscribeGlobal({ types: ["bus.*"] });
    const agent = service.agent("agent", { under: requestFrom() });
    const reader = service.bus.subscribe(traceIdOf(agent));
    agent.end();
    await readToEnd(reader);
    const events = await readWaiting(all);
    expect(events.map(({ type, data }) => [type, data])).toEqual([
      ["bus.run.opened", {}],
      ["bus.run.closed", { outcome: "detached" }],
    ]);
  });
});
