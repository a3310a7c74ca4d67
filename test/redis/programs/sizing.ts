/**
 * Measures what a Redis has to hold and to do. One command, which starts a Redis of its own:
 *
 *     node --import tsx test/redis/programs/sizing.ts [client node-redis]
 *
 * What it prints stands in docs/DISTRIBUTED.md.
 */
import { cpus } from "node:os";
import { EventBus } from "spanbus";
import { RedisEventSource, RedisRelay } from "spanbus/redis";
import { type ClientName, clients } from "../clients.js";
import { RedisServer } from "../redis-server.js";

const [name = "node-redis"] = process.argv.slice(2);
const server = await RedisServer.start();
const [producer, reader, admin] = await Promise.all(
  [name, name, "node-redis"].map((each) => clients[each as ClientName](server.url)),
);
if (!producer || !reader || !admin) throw new Error("not connected");
const bus = new EventBus();
const relay = new RedisRelay(bus, { client: producer.client, outbox: { maxEvents: 100_000, maxBytes: 2 ** 30 } });
const source = new RedisEventSource({ client: reader.client });

const preview = "x".repeat(240);
const publish = (runId: string, bytes: number): void => {
  bus.publish({ runId, type: "agent.tool.completed", data: { toolName: "search", result: preview.slice(0, bytes) } });
};
const held = async (runId: string): Promise<number> => {
  const keys = ["meta", "events", "traces"].map((part) => `spanbus:{${runId}}:${part}`);
  const sizes = await Promise.all(keys.map((key) => admin.command("MEMORY", "USAGE", key, "SAMPLES", "0")));
  return sizes.reduce((sum: number, size) => sum + Number(size ?? 0), 0);
};
const sent = async (): Promise<number> => {
  const info = String(await admin.command("INFO", "stats"));
  return Number(/total_net_input_bytes:(\d+)/.exec(info)?.[1] ?? 0);
};
const connections = async (): Promise<number> =>
  String(await admin.command("CLIENT", "LIST"))
    .trim()
    .split("\n").length;
const print = (what: string, value: string): void => void process.stdout.write(`${what.padEnd(44)}${value}\n`);
const whole = (value: number): string => Math.round(value).toLocaleString("en");

try {
  print("Machine", `Node ${process.version}, ${cpus().length} CPUs, ${cpus()[0]?.model ?? "unknown"}, ${name}`);

  publish("empty", 0);
  await relay.flush();
  print("A run with one event, in memory", `${whole(await held("empty"))} bytes`);

  for (const bytes of [0, 240]) {
    const runId = `full-${bytes}`;
    const before = await sent();
    for (let n = 0; n < 1000; n += 1) publish(runId, bytes);
    await relay.flush();
    const [event] = bus.history(runId, { limit: 1 });
    const json = JSON.stringify(event).length;
    print(`An event with ${bytes} characters of content`, `${whole(json)} bytes as JSON`);
    print("  kept, each of 500", `${whole((await held(runId)) / 500)} bytes`);
    print("  sent to Redis, in full batches", `${whole(((await sent()) - before) / 1000)} bytes`);
    print("  a full run, in memory", `${whole((await held(runId)) / 1024)} KiB`);
  }

  const runIds = Array.from({ length: 100 }, (_, index) => `rate-${index}`);
  const events = 50_000;
  const start = performance.now();
  for (let n = 0; n < events; n += 1) publish(runIds[n % runIds.length] ?? "", 240);
  await relay.flush();
  const seconds = (performance.now() - start) / 1000;
  print("Events appended, 100 runs, one relay", `${whole(events / seconds)} a second`);
  const { lost } = relay.stats();
  if (Object.values(lost).some((count) => count > 0)) throw new Error(`lost: ${JSON.stringify(lost)}`);

  for (const readers of [1, 1000]) {
    const reading = Array.from({ length: readers }, (_, n) => source.subscribe(runIds[n % runIds.length] ?? ""));
    await Promise.all(reading.map(({ attached }) => attached));
    // That of this program is not counted.
    print(
      `Connections, a relay and ${readers === 1 ? "one reader" : `${whole(readers)} readers`}`,
      `${(await connections()) - 1}`,
    );
    for (const each of reading) each.close();
  }
} finally {
  source.close();
  await relay.close({ timeoutMillis: 1000 });
  await bus.shutdown();
  for (const each of [producer, reader, admin]) each.close();
  await server.stop();
}
