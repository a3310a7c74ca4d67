import { EventEmitter, once } from "node:events";
import { setImmediate as macrotask } from "node:timers/promises";
import { currentRunId } from "spanbus";
import { describe, expect, it } from "vitest";
import { readAll, Service, withContextManager } from "./support.js";

// With the timers of Node, since those carry the context along; waits for events only.
withContextManager();

describe("with real timers", () => {
  it("a reader of a bus.run gets everything up to the end, from a stream that starts after the call returned", async () => {
    const service = new Service();
    const reader = service.bus.subscribe("r");
    const answer = service.bus.run("r", () => ({
      async *[Symbol.asyncIterator]() {
        yield "word";
      },
      started: Promise.resolve().then(async () => {
        const agent = service.agent("streamer");
        for (let chunk = 0; chunk < 3; chunk += 1) {
          await macrotask();
          service.log("agent.note", { on: agent });
        }
        agent.end();
      }),
    }));
    await answer.started;
    expect((await readAll(reader)).map(({ type }) => type)).toEqual([
      "agent.invocation.started",
      "agent.note",
      "agent.note",
      "agent.note",
      "agent.invocation.completed",
      "agent.terminate",
    ]);
    expect(await reader.ended).toEqual({ reason: "closed", outcome: "completed" });
  });

  it("a timer that outlives its run writes nothing into it, nor into the next run of that id", async () => {
    const service = new Service();
    const rung = new EventEmitter();
    const gates: (() => void)[] = [];
    const first = service.bus.subscribe("r");
    service.bus.run("r", () => {
      service.agent("first").end();
      const waiting = new Promise<void>((open) => gates.push(open));
      setTimeout(async () => {
        await waiting;
        rung.emit("rung", currentRunId());
        service.agent("late").end();
        service.bus.emit("late");
        rung.emit("done");
      }, 0);
    });
    expect(await readAll(first)).toHaveLength(3);
    const holding: (() => void)[] = [];
    const second = service.bus.run("r", async () => {
      service.agent("second").end();
      await new Promise<void>((open) => holding.push(open));
    });
    const [rings, done] = [once(rung, "rung"), once(rung, "done")];
    for (const open of gates) open();
    expect(await rings).toEqual(["r"]);
    await done;
    const reader = service.bus.subscribe("r");
    for (const open of holding) open();
    await second;
    const names = (await readAll(reader)).map(({ data }) => (data as { agentName?: string }).agentName);
    expect(new Set(names)).toEqual(new Set(["second"]));
    expect(service.bus.stats().refused).toBeGreaterThan(0);
  });

  it("a rejection that nobody handles is still told to the process", async () => {
    const service = new Service();
    const others = process.rawListeners("unhandledRejection") as NodeJS.UnhandledRejectionListener[];
    process.removeAllListeners("unhandledRejection");
    try {
      const told = once(process, "unhandledRejection");
      const error = new Error("nobody's");
      void service.bus.run("r", async () => {
        service.agent("a").end();
        throw error;
      });
      expect((await told)[0]).toBe(error);
    } finally {
      process.removeAllListeners("unhandledRejection");
      for (const other of others) process.on("unhandledRejection", other);
    }
    expect(service.fate("r")).toBe("failed");
  });

  it("a rejection that the caller handles is told to nobody else", async () => {
    const service = new Service();
    const unhandled: unknown[] = [];
    const listener = (error: unknown) => void unhandled.push(error);
    process.on("unhandledRejection", listener);
    try {
      await expect(service.bus.run("r", () => Promise.reject(new Error("mine")))).rejects.toThrow("mine");
      await macrotask();
    } finally {
      process.off("unhandledRejection", listener);
    }
    expect(unhandled).toEqual([]);
  });

  it("concurrent runs do not mix", async () => {
    const service = new Service();
    const ids = Array.from({ length: 50 }, (_, index) => `run ${index}`);
    const readers = ids.map((id) => service.bus.subscribe(id));
    await Promise.all(
      ids.map((id) =>
        service.bus.run(id, async () => {
          const agent = service.agent(id);
          for (let turn = 0; turn < 3; turn += 1) {
            await macrotask();
            service.model().end();
            service.log("agent.note", { attributes: { id } });
          }
          agent.end();
        }),
      ),
    );
    for (const [index, reader] of readers.entries()) {
      const events = await readAll(reader);
      expect(events).toHaveLength(12);
      expect(new Set(events.map(({ runId }) => runId))).toEqual(new Set([ids[index]]));
    }
    expect(service.bus.stats()).toMatchObject({ activeRuns: 0, openSpans: 0, dropped: 0, refused: 0 });
  });
});
