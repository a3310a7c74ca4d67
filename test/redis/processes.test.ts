import type { BusEvent } from "spanbus";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { generationOf, range, read, readToEnd, shown, typesOf } from "../bus/support.js";
import { type Program, startScript } from "../prometheus/program.js";
import { type Connection, clientNames } from "./clients.js";
import { until } from "./contract.js";
import { hasRedis, RedisServer } from "./redis-server.js";
import { Stages } from "./stage.js";

const timeout = 60_000;

describe.runIf(hasRedis()).each(clientNames)("several processes, through %s", (client) => {
  const stages = new Stages();
  const programs: Program[] = [];
  let server: RedisServer;
  let connection: Connection;
  beforeEach(async () => {
    server = await RedisServer.start();
    connection = await stages.connect(server.url, client);
  });
  afterEach(async () => {
    for (const program of programs.splice(0)) await program.stop("SIGKILL");
    await server.stop();
  });
  const start = async (name: string, ...args: string[]): Promise<Program> => {
    const program = await startScript(`test/redis/programs/${name}.ts`, [server.url, client, ...args]);
    programs.push(program);
    return program;
  };
  const printed = (program: Program): BusEvent[] => {
    const lines = program.output().split("\n").slice(0, -1);
    return lines.filter((line) => line.startsWith('{"id"')).map((line) => JSON.parse(line));
  };

  it("write one run, which a third reads in one order", { timeout }, async () => {
    const [worker, reader] = await Promise.all([start("service", "r"), start("reader", "r")]);
    await start("service", "r", worker.url);
    await until(() => reader.output().includes('{"end"'));
    const events = printed(reader);
    const near = ["agent.tool.started", "agent.tool.started", "agent.tool.completed", "agent.tool.completed"];
    expect(typesOf(events)).toEqual(range(1, 20).flatMap(() => near));
    const names = ["near", "far", "far", "near"];
    expect(events.map(({ data }) => (data as { toolName?: string }).toolName)).toEqual(
      range(1, 20).flatMap(() => names),
    );
    expect(events.map(({ seq }) => seq)).toEqual(range(1, 80));
    expect(new Set(events.map(generationOf)).size).toBe(1);
    expect(reader.output()).toContain('{"end":{"reason":"closed","outcome":"completed"}}');
    expect(await readToEnd(stages.source(connection).subscribe("r"))).toEqual(events);
  });

  it("a producer that is killed is missed, and its readers are told", { timeout }, async () => {
    const talker = await start("talker", "r");
    const source = stages.source(connection, { lookMillis: 100 });
    const reader = source.subscribe("r");
    // It may have talked for a while: the history holds the newest 500.
    const last = Number(shown(await read(reader, 20)).at(-1));
    expect((await source.runs())[0]).toMatchObject({ state: "open" });
    await talker.stop("SIGKILL");
    const rest = shown(await readToEnd(reader));
    expect(rest).toEqual(range(last + 1, last + rest.length));
    expect(await reader.ended).toEqual({ reason: "producer-lost", outcome: "abandoned" });
    expect((await source.runs())[0]).toMatchObject({ state: "closed", outcome: "abandoned" });
    const late = source.subscribe("r");
    expect((await readToEnd(late)).length).toBe(Math.min(500, last + rest.length));
    expect(await late.ended).toEqual({ reason: "producer-lost", outcome: "abandoned" });
  });

  it("a reader that is killed goes on behind the last event that it had", { timeout }, async () => {
    await start("talker", "r", "5000");
    const first = await start("reader", "r");
    await until(() => printed(first).length > 50);
    await first.stop("SIGKILL");
    const had = printed(first);
    const second = await start("reader", "r", had.at(-1)?.id ?? "");
    await until(() => printed(second).length > 50);
    const events = [...had, ...printed(second)];
    // The talker is fast: what fell out of the history meanwhile is told.
    const [gap] = printed(second);
    const missed = gap?.type === "bus.gap" ? gap.data.missed : 0;
    const numbers = shown(events.filter(({ type }) => type !== "bus.gap")).map(Number);
    const afterGap = missed > 0 ? had.length : numbers.length;
    const first_ = numbers[0] ?? 0;
    expect(numbers).toEqual(numbers.map((_, index) => first_ + index + (index < afterGap ? 0 : missed)));
  });
});
