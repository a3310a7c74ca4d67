import { once } from "node:events";
import { closeSync, existsSync, openSync } from "node:fs";
import type { ServerResponse } from "node:http";
import { stripVTControlCharacters } from "node:util";
import type { BusEvent, EventBus, EventInput, Outcome } from "spanbus";
import { describe, expect, it, vi } from "vitest";
import { streamOf } from "../hostile-events.js";
import { Command, closeAfterEach, inTerminal, linesOf, run, Service, serve } from "./support.js";

closeAfterEach();

const timeout = 30_000;
const ESC = "\u001b";

/** A run with an agent, a model and a tool that fails, as events. */
function publishTrip(bus: EventBus, runId: string): void {
  const say = (type: string, spanId: string, parentSpanId: string | undefined, data: object): void => {
    const event: EventInput = { runId, type, spanId, traceId: "t", data, ...(parentSpanId && { parentSpanId }) };
    bus.publish(event);
  };
  const input = JSON.stringify([{ role: "user", parts: [{ type: "text", content: 'Say "hi"\nto Rome.' }] }]);
  say("agent.invocation.started", "a", undefined, { agentName: "guide", input });
  say("agent.model.started", "m", "a", { model: "gpt" });
  say("agent.model.first_chunk", "m", "a", { timeToFirstChunkMillis: 120.4 });
  say("agent.model.completed", "m", "a", { model: "gpt", durationMillis: 1234, finishReason: "tool_calls" });
  say("agent.tokens.used", "m", "a", { inputTokens: 412, outputTokens: 21, cacheReadTokens: 300 });
  say("agent.tool.started", "w", "a", { toolName: "get_weather", arguments: '{"city":"Rome"}' });
  const error = { type: "TimeoutError", message: "no answer" };
  say("agent.tool.failed", "w", "a", { toolName: "get_weather", durationMillis: 800, error });
  say("agent.invocation.completed", "a", undefined, { agentName: "guide", durationMillis: 200_000, output: "Hi." });
  say("agent.terminate", "a", undefined, {
    ...{ reason: "completed", durationMillis: 200_000, modelCalls: 1, toolCalls: 1, failedToolCalls: 1 },
    ...{ inputTokens: 412, outputTokens: 21 },
  });
}

function note(bus: EventBus, runId: string, n: number): BusEvent | undefined {
  return bus.publish({ runId, type: "note", data: { n } });
}

function endWith(response: ServerResponse, end: object, events: readonly object[] = []): void {
  const told = `${streamOf(events)}event: end\ndata: ${JSON.stringify(end)}\n\n`;
  response.setHeader("content-type", "text/event-stream").end(told);
}

function numbers(output: string): number[] {
  return [...output.matchAll(/"n":(\d+)/g)].map(([, n]) => Number(n));
}

describe("`spanbus tail --run`", { timeout }, () => {
  it("prints what is kept, then what comes, one line per event, indented by depth, with durations and tokens", async () => {
    const { bus, url } = await Service.start();
    publishTrip(bus, "trip");
    const command = new Command(["tail", url, "--run", "trip"]);
    await command.line("■");
    note(bus, "trip", 1);
    bus.closeStream("trip", "completed");
    const { code, output, notes } = await command.ended;
    expect(linesOf(output)).toEqual([
      '▸ agent guide  Say "hi" to Rome.',
      "  ▸ model gpt",
      "  · first chunk  120 ms",
      "  ✓ model gpt  1.2 s, tool_calls",
      "  · tokens  412 in, 21 out, 300 cached",
      '  ▸ tool get_weather  {"city":"Rome"}',
      "  ✗ tool get_weather  800 ms  TimeoutError: no answer",
      "✓ agent guide  3 min 20 s  Hi.",
      "■ completed  3 min 20 s, 1 model call, 1 tool call, 1 failed, 412 tokens in, 21 out",
      '• note  {"n":1}',
      "○ run completed",
    ]);
    expect(notes).toBe("");
    expect(code).toBe(0);
  });

  it("has no colours in a pipe, has them with FORCE_COLOR, and not with NO_COLOR", async () => {
    const { bus, url } = await Service.start();
    publishTrip(bus, "trip");
    bus.closeStream("trip", "completed");
    const args = ["tail", url, "--run", "trip"];
    const [piped, forced, refused] = await Promise.all([
      run(args),
      run(args, { FORCE_COLOR: "1" }),
      run(args, { NO_COLOR: "1" }),
    ]);
    expect(piped.output).not.toContain(ESC);
    expect(linesOf(refused.output)).toEqual(linesOf(piped.output));
    expect(linesOf(piped.output)).toHaveLength(10);
    expect(forced.output).toContain(`${ESC}[31m✗${ESC}[39m tool`);
    expect(forced.output).toContain(`${ESC}[32m✓${ESC}[39m model`);
  });

  it("prints the events themselves with --json, one per line, never in colours", async () => {
    const { bus, url } = await Service.start();
    publishTrip(bus, "trip");
    bus.closeStream("trip", "completed");
    const { output } = await run(["tail", url, "--run", "trip", "--json"], { FORCE_COLOR: "1" });
    const events = output
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as BusEvent);
    expect(events).toEqual(bus.history("trip"));
  });

  it("prints only the types that it is asked for", async () => {
    const { bus, url } = await Service.start();
    publishTrip(bus, "trip");
    bus.closeStream("trip", "completed");
    const types = ["--types", "agent.tool.*,agent.handoff", "--types", "agent.terminate"];
    const { output } = await run(["tail", url, "--run", "trip", "--json", ...types]);
    const events = output
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as BusEvent);
    expect(events.map(({ type }) => type)).toEqual(["agent.tool.started", "agent.tool.failed", "agent.terminate"]);
  });

  it("leaves out what is older than --since, and still indents what follows", async () => {
    const { bus, url } = await Service.start();
    const old = Date.now() - 3_600_000;
    bus.publish({ runId: "r", type: "agent.invocation.started", spanId: "a", time: old, data: { agentName: "guide" } });
    bus.publish({ runId: "r", type: "agent.tool.started", spanId: "b", parentSpanId: "a", data: { toolName: "look" } });
    bus.closeStream("r", "completed");
    const after = new Date(old + 60_000).toISOString();
    for (const since of ["5m", after]) {
      const { output } = await run(["tail", url, "--run", "r", "--since", since]);
      expect(linesOf(output)).toEqual(["  ▸ tool look", "○ run completed"]);
    }
    const { output } = await run(["tail", url, "--run", "r", "--since", "live"]);
    expect(linesOf(output)).toEqual(["○ run completed"]);
  });

  it("prints what comes live although it says that it is older than --since", async () => {
    const service = await Service.start();
    const { bus } = service;
    const told = (n: number) => bus.publish({ runId: "r", type: "note", data: { n }, time: Date.now() - 3_600_000 });
    told(1);
    note(bus, "r", 2);
    const command = new Command(["tail", service.url, "--run", "r", "--since", "5m"]);
    await command.line('"n":2');
    told(3);
    await command.line('"n":3');
    bus.closeStream("r", "completed");
    expect(numbers((await command.ended).output)).toEqual([2, 3]);
  });

  it.each(["0.4ms", "1.5ms", "104249991d"])("takes %s for how long to try again", async (patience) => {
    const { bus, url } = await Service.start();
    note(bus, "r", 1);
    bus.closeStream("r", "completed");
    const { code, output } = await run(["tail", url, "--run", "r", "--give-up", patience]);
    expect(numbers(output)).toEqual([1]);
    expect(code).toBe(0);
  });

  it("goes on behind the last event when the connection was cut, without a hole and without repeating", async () => {
    const service = await Service.start();
    const command = new Command(["tail", service.url, "--run", "r", "--wait"]);
    await service.attached(1);
    for (const n of [1, 3, 5]) {
      note(service.bus, "r", n);
      await command.line(`"n":${n}`);
      await service.down();
      note(service.bus, "r", n + 1);
      await service.up();
      await command.line(`"n":${n + 1}`);
    }
    service.bus.closeStream("r", "completed");
    const { code, output, notes } = await command.ended;
    expect(numbers(output)).toEqual([1, 2, 3, 4, 5, 6]);
    expect(notes).toContain("trying again");
    expect(notes).toContain("spanbus: connected\n");
    expect(code).toBe(0);
  });

  it("prints a gap where events are missing", async () => {
    const { bus, url } = await Service.start({}, { maxQueueSize: 2, historyPerRun: 3 });
    for (let n = 1; n <= 9; n += 1) note(bus, "r", n);
    const command = new Command(["tail", url, "--run", "r"]);
    await command.line('"n":9');
    for (let n = 10; n <= 19; n += 1) note(bus, "r", n);
    bus.closeStream("r", "completed");
    const { output } = await command.ended;
    expect(linesOf(output)).toContain("⚠ 8 events missing: lagged");
  });

  it.each([
    [0, "⚠ the connection was cut, events may be missing"],
    [1, "⚠ 1 event missing: lost on the way"],
    [7, "⚠ 7 events missing: lost on the way"],
  ])("prints a cut that missed %i events, 0 where nobody knows how many, as %j", async (missed, expected) => {
    const gap = { runId: "r", type: "bus.gap", time: 0, data: { missed, reason: "cut" } };
    const url = await serve((_, response) => endWith(response, { reason: "closed", outcome: "completed" }, [gap]));
    const { output } = await run(["tail", url, "--run", "r"]);
    expect(linesOf(output)).toEqual([expected, "○ run completed"]);
  });
});

describe("the exit code of `spanbus tail --run`", { timeout }, () => {
  it.each<[Outcome, number]>([
    ["completed", 0],
    ["failed", 1],
    ["cancelled", 1],
    ["unknown", 6],
  ])("of a run that is %s is %i", async (outcome, expected) => {
    const { bus, url } = await Service.start();
    note(bus, "r", 1);
    bus.closeStream("r", outcome);
    const { code, output } = await run(["tail", url, "--run", "r"]);
    expect(linesOf(output).at(-1)).toBe(`○ run ${outcome}`);
    expect(code).toBe(expected);
  });

  it("of a run that nobody knows is 4", async () => {
    const { url } = await Service.start();
    const { code, output, notes } = await run(["tail", url, "--run", "gone"]);
    expect(notes).toContain('the run "gone" is not known');
    expect(output).toBe("");
    expect(code).toBe(4);
  });

  it("of an endpoint that refuses is 5, unless a header says who asks", async () => {
    const authorize = ({ headers }: Request): boolean => headers.get("authorization") === "Bearer key";
    const { bus, url } = await Service.start({ authorize });
    note(bus, "r", 1);
    bus.closeStream("r", "completed");
    const refused = await run(["tail", url, "--run", "r"]);
    expect(refused.notes).toContain("answered 403");
    expect(refused.code).toBe(5);
    const admitted = await run(["tail", url, "--run", "r", "--header", "Authorization: Bearer key"]);
    expect(numbers(admitted.output)).toEqual([1]);
    expect(admitted.code).toBe(0);
  });

  it("is 3 when the endpoint is gone for longer than --give-up", async () => {
    const service = await Service.start();
    note(service.bus, "r", 1);
    const command = new Command(["tail", service.url, "--run", "r", "--give-up", "50ms"]);
    await command.line('"n":1');
    await service.down();
    const { code, notes } = await command.ended;
    expect(notes).toMatch(/could not be reached: .*ECONNREFUSED/);
    expect(code).toBe(3);
  });

  it("is 3 when the endpoint is not there at all", async () => {
    const service = await Service.start();
    await service.down();
    const { code, output, notes } = await run(["tail", service.url, "--give-up", "20ms"]);
    expect(notes).toContain("ECONNREFUSED");
    expect(output).toBe("");
    expect(code).toBe(3);
  });

  it.each([[["--run", "r"]], [[]]])(
    "is 3 after one try with --give-up 0, and nothing is tried again: %j",
    async (args) => {
      let asked = 0;
      const url = await serve((request) => {
        asked += 1;
        request.socket.destroy();
      });
      const { code, notes } = await run(["tail", url, "--give-up", "0", ...args]);
      expect(notes).toContain("could not be reached");
      expect(notes.trim().split("\n")).toHaveLength(1);
      expect(notes).not.toContain("again");
      expect(asked).toBe(1);
      expect(code).toBe(3);
    },
  );

  it("is 3 when the run is forgotten while it is followed", async () => {
    const { bus, url } = await Service.start();
    note(bus, "r", 1);
    const command = new Command(["tail", url, "--run", "r"]);
    await command.line('"n":1');
    bus.dropHistory("r");
    const { code, notes } = await command.ended;
    expect(notes).toContain("ended before the run: dropped");
    expect(code).toBe(3);
  });

  it("is 3 when the run is forgotten while the connection is lost", async () => {
    const service = await Service.start();
    note(service.bus, "r", 1);
    const command = new Command(["tail", service.url, "--run", "r"]);
    await command.line('"n":1');
    await service.down();
    await command.line("trying again");
    service.bus.dropHistory("r");
    await service.up();
    expect((await command.ended).code).toBe(3);
  });

  it.each([
    ["an end without an outcome", 6, (response: ServerResponse) => endWith(response, { reason: "closed" })],
    [
      "an end with an outcome that is unheard of",
      6,
      (response: ServerResponse) => endWith(response, { reason: "closed", outcome: "fine" }),
    ],
    ["the end of the bus", 3, (response: ServerResponse) => endWith(response, { reason: "shutdown" })],
    ["nothing more, and no outcome", 6, (response: ServerResponse) => response.writeHead(204).end()],
  ] as const)("is never 0 for %s", async (_, expected, answer) => {
    const url = await serve((_, response) => answer(response));
    const { code } = await run(["tail", url, "--run", "r", "--give-up", "50ms"]);
    expect(code).toBe(expected);
  });

  it("is 5 when something else is there", async () => {
    const url = await serve((_, response) => response.end("<p>hello</p>"));
    const { code, notes } = await run(["tail", url]);
    expect(notes).toContain("is it a spanbus endpoint?");
    expect(code).toBe(5);
  });

  it.each<[NodeJS.Signals, number]>([
    ["SIGINT", 130],
    ["SIGTERM", 143],
  ])("after %s is %i", async (signal, expected) => {
    const { bus, url } = await Service.start();
    note(bus, "r", 1);
    const command = new Command(["tail", url, "--run", "r"]);
    await command.line('"n":1');
    command.process.kill(signal);
    const { code, notes } = await command.ended;
    expect(notes).toBe("");
    expect(code).toBe(expected);
  });

  it("is that of the signal also while nobody reads the output, which is full", async () => {
    const { bus, url } = await Service.start({}, { historyPerRun: 20_000 });
    const text = "x".repeat(1000);
    for (let n = 0; n < 20_000; n += 1) bus.publish({ runId: "r", type: "note", data: { n, text } });
    const command = new Command(["tail", url, "--run", "r", "--json"]);
    command.process.stdout?.pause();
    // What sockets and pipes hold is the system's choice: they are full when nothing moves.
    let queued = [0, 0];
    await vi.waitFor(
      () => {
        queued = [bus.stats().queuedEvents, ...queued];
        expect(queued[0]).toBeGreaterThan(0);
        expect([queued[1], queued[2]]).toEqual([queued[0], queued[0]]);
      },
      { timeout, interval: 200 },
    );
    command.process.kill("SIGTERM");
    const [code] = await once(command.process, "exit");
    expect(code).toBe(143);
    command.process.stdout?.resume();
  });

  it.skipIf(!existsSync("/dev/full"))("is 7 when the output cannot be written, with the reason", async () => {
    const { bus, url } = await Service.start();
    note(bus, "r", 1);
    bus.closeStream("r", "completed");
    const full = openSync("/dev/full", "w");
    for (const args of [["tail", url, "--run", "r"], ["--help"]]) {
      const { code, notes } = await new Command(args, {}, { output: full }).ended;
      expect([code, notes.match(/\n/g)?.length]).toEqual([7, 1]);
      expect(notes).toContain("spanbus: the output could not be written: ENOSPC");
    }
    closeSync(full);
  });

  it("is 0 and nothing is said when nobody takes the output any more", async () => {
    const { bus, url } = await Service.start();
    note(bus, "r", 1);
    const command = new Command(["tail", url, "--run", "r"]);
    await command.line('"n":1');
    command.process.stdout?.destroy();
    // What is written first finds the pipe closed.
    const timer = setInterval(() => note(bus, "r", 2), 5);
    const { code, notes } = await command.ended;
    clearInterval(timer);
    expect(notes).toBe("");
    expect(code).toBe(0);
  });
});

describe("`spanbus tail` of every run", { timeout }, () => {
  it("prints what comes, with the run in front, as it is opened and closed", async () => {
    const service = await Service.start();
    const { bus } = service;
    note(bus, "before", 1);
    const command = new Command(["tail", service.url]);
    await service.attached(1);
    publishTrip(bus, "trip");
    bus.closeStream("trip", "failed");
    await command.line("○ run failed");
    command.process.kill("SIGINT");
    const { code, output } = await command.ended;
    expect(linesOf(output).slice(0, 3)).toEqual([
      "trip               ● run opened",
      'trip               ▸ agent guide  Say "hi" to Rome.',
      "trip                 ▸ model gpt",
    ]);
    expect(output).not.toContain("before");
    expect(code).toBe(130);
  });

  it("begins with what is kept and not older than --since, in the order of time, and nothing twice", async () => {
    const service = await Service.start();
    const { bus } = service;
    const now = Date.now();
    const at = (runId: string, n: number, minutesAgo: number): void => {
      bus.publish({ runId, type: "note", data: { n }, time: now - minutesAgo * 60_000 });
    };
    at("a", 1, 60);
    at("a", 2, 4);
    at("b", 3, 3);
    at("a", 4, 2);
    at("c", 5, 90);
    const command = new Command(["tail", service.url, "--since", "5m", "--types", "note"]);
    await command.line('"n":4');
    at("b", 6, 0);
    await command.line('"n":6');
    command.process.kill("SIGINT");
    expect(numbers((await command.ended).output)).toEqual([2, 3, 4, 6]);
  });

  it("reads after a cut what was kept meanwhile", async () => {
    const service = await Service.start();
    const { bus } = service;
    const command = new Command(["tail", service.url, "--types", "note"]);
    await service.attached(1);
    note(bus, "old", 1);
    await command.line('"n":1');
    await service.down();
    await command.line("trying again");
    note(bus, "old", 2);
    note(bus, "new", 3);
    await service.up();
    await command.line('"n":3');
    note(bus, "new", 4);
    await command.line('"n":4');
    command.process.kill("SIGINT");
    expect(numbers((await command.ended).output)).toEqual([1, 2, 3, 4]);
  });
});

describe("`spanbus tail` of every run, after a cut,", { timeout }, () => {
  it("misses nothing where the clock of the bus is an hour behind, and repeats nothing", async () => {
    const service = await Service.start();
    const { bus } = service;
    const behind = (runId: string, n: number): void => {
      bus.publish({ runId, type: "note", data: { n }, time: Date.now() - 3_600_000 });
    };
    behind("before", 1);
    behind("both", 2);
    const command = new Command(["tail", service.url, "--types", "note", "--since", "1m"]);
    await service.attached(1);
    behind("both", 3);
    await command.line('"n":3');
    await service.down();
    await command.line("trying again");
    behind("both", 4);
    behind("new", 5);
    behind("before", 6);
    await service.up();
    await command.line('"n":6');
    behind("new", 7);
    await command.line('"n":7');
    command.process.kill("SIGINT");
    expect(numbers((await command.ended).output).sort()).toEqual([3, 4, 5, 6, 7]);
  });

  it("leaves out what it was not to begin with, also of runs that go on", async () => {
    const service = await Service.start();
    note(service.bus, "r", 1);
    const command = new Command(["tail", service.url, "--types", "note"]);
    await service.attached(1);
    note(service.bus, "other", 2);
    await command.line('"n":2');
    await service.down();
    await command.line("trying again");
    note(service.bus, "r", 3);
    await service.up();
    await command.line('"n":3');
    command.process.kill("SIGINT");
    expect(numbers((await command.ended).output)).toEqual([2, 3]);
  });
});

describe("an endpoint that is not there yet", { timeout }, () => {
  it.each([[["--run", "r"]], [[]]])(
    "is told once, with how long it is tried again, and so is that it is there: %j",
    async (args) => {
      let asked = 0;
      const url = await serve((request, response) => {
        asked += 1;
        if (asked < 3) request.socket.destroy();
        else endWith(response, { reason: "closed", outcome: "completed" });
      });
      const { code, notes } = await run(["tail", url, "--give-up", "30s", ...args]);
      expect(notes).toMatch(/^spanbus: .* could not be reached: .*; trying again for 30s\nspanbus: connected\n$/);
      expect(code).toBe(0);
    },
  );
});

describe("a run that cannot be read", { timeout }, () => {
  it.each([".", ".."])("is left out with a note when it is called %j, and the others are read", async (runId) => {
    const { bus, url } = await Service.start();
    note(bus, "one", 1);
    note(bus, runId, 2);
    note(bus, "two", 3);
    const command = new Command(["tail", url, "--since", "all", "--types", "note"]);
    await command.line('"n":3');
    command.process.kill("SIGINT");
    const { output, notes } = await command.ended;
    expect(numbers(output)).toEqual([1, 3]);
    expect(notes).toBe(`spanbus: the run "${runId}" is left out: no address can hold its id\n`);
  });

  it("is left out with a note when it is not shared, and the others are read", async () => {
    const { bus, url } = await Service.start({ authorize: (_, { runId }) => runId !== "theirs" });
    note(bus, "one", 1);
    note(bus, "theirs", 2);
    note(bus, "two", 3);
    const command = new Command(["tail", url, "--since", "all", "--types", "note"]);
    await command.line('"n":3');
    command.process.kill("SIGINT");
    const { output, notes } = await command.ended;
    expect(numbers(output)).toEqual([1, 3]);
    expect(notes).toMatch(/^spanbus: the run "theirs" is left out: .* answered 403/);
  });
});

describe("in a terminal", { timeout }, () => {
  const isMissing = !existsSync("/usr/bin/script");
  if (isMissing) process.stderr.write("no /usr/bin/script: `spanbus tail` is not tested in a terminal\n");

  it.skipIf(isMissing && !process.env["CI"])("lines are coloured, and cut at its width with `…`", async () => {
    const { bus, url } = await Service.start();
    const wide = "東京".repeat(40);
    bus.publish({ runId: "r", type: "agent.tool.started", data: { toolName: "search", arguments: "x".repeat(80) } });
    bus.publish({ runId: "r", type: "agent.tool.completed", data: { toolName: "search", result: wide } });
    bus.closeStream("r", "completed");
    const output = await inTerminal(40, ["tail", url, "--run", "r"], { TERM: "xterm" });
    expect(output).toContain(`${ESC}[36m▸${ESC}[39m`);
    const plain = linesOf(stripVTControlCharacters(output).replaceAll("\r", ""));
    expect(plain).toEqual([`▸ tool search  ${"x".repeat(10)}…`, "✓ tool search  東京東京東…", "○ run completed"]);

    const colourless = await inTerminal(40, ["tail", url, "--run", "r"], { TERM: "xterm", NO_COLOR: "1" });
    expect(colourless).not.toContain(ESC);
  });

  it.skipIf(isMissing && !process.env["CI"])("lines are whole where it does not know its width", async () => {
    const { bus, url } = await Service.start();
    bus.publish({ runId: "r", type: "note", data: { text: "x".repeat(200) } });
    bus.closeStream("r", "completed");
    const output = await inTerminal(0, ["tail", url, "--run", "r"], { TERM: "xterm", NO_COLOR: "1" });
    expect(linesOf(output.replaceAll("\r", ""))).toEqual([`• note  {"text":"${"x".repeat(200)}"}`, "○ run completed"]);
  });
});

describe("text of others", { timeout }, () => {
  const hostile = `a${ESC}[2Jb${ESC}]0;title\u0007c\u009b31md\r\ne\u202etxt.exe\u2066\u200b\u{e0041}f`;

  it("does nothing to the terminal, and stays on one line", async () => {
    const { bus, url } = await Service.start({}, { content: "full" });
    bus.publish({
      runId: "r",
      type: "agent.tool.started",
      spanId: "s",
      data: { toolName: hostile, arguments: hostile },
    });
    bus.publish({ runId: "r", type: "own\u202e", data: { [hostile]: hostile } });
    bus.closeStream("r", "completed");
    const { output } = await run(["tail", url, "--run", "r"]);
    expect(linesOf(output)).toHaveLength(3);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: none of them may come through.
    expect(output.replaceAll("\n", "")).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u200b\u202a-\u202e\u2066-\u2069]/);
    expect(output).not.toContain("\u{e0041}");
  });

  it("is escaped in JSON, and means the same", async () => {
    const { bus, url } = await Service.start();
    const sent = bus.publish({ runId: "r", type: "own", data: { hostile } });
    bus.closeStream("r", "completed");
    const { output } = await run(["tail", url, "--run", "r", "--json"]);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: none of them may come through.
    expect(output.trimEnd()).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/);
    expect(JSON.parse(output)).toEqual(sent);
  });
});
