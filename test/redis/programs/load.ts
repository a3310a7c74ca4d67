/**
 * Carries load over a Redis and reports latency and loss. One command, which starts a Redis of its own; it fails if anything
 * was lost:
 *
 *     node --import tsx test/redis/programs/load.ts [runs 100] [readers 300] [events per second 2000] [seconds 10] [client node-redis]
 *
 * `REDIS_URL` names another Redis. Publisher and readers share this process, so that they share a clock: the machine's own
 * share in the latency is in it.
 */
import { cpus } from "node:os";
import type { ClientName } from "../clients.js";
import { carry } from "../load.js";
import { RedisServer } from "../redis-server.js";

const [runs = "100", readers = "300", eventsPerSecond = "2000", seconds = "10", client = "node-redis"] =
  process.argv.slice(2);
const given = process.env["REDIS_URL"];
const server = given === undefined ? await RedisServer.start() : undefined;
try {
  const report = await carry({
    url: given ?? server?.url ?? "",
    client: client as ClientName,
    runs: Number(runs),
    readers: Number(readers),
    eventsPerSecond: Number(eventsPerSecond),
    seconds: Number(seconds),
  });
  const { latency } = report;
  const millis = (value: number): string => `${value.toFixed(1)} ms`;
  process.stdout.write(
    [
      `${readers} readers of ${runs} runs, ${eventsPerSecond} events/s for ${seconds} s through ${client}`,
      `Node ${process.version}, ${cpus().length} CPUs, ${cpus()[0]?.model ?? "unknown"}`,
      `published   ${report.published} in ${report.seconds.toFixed(1)} s`,
      `delivered   ${report.delivered} of ${report.due}, ${report.missed} told to be missing, ${report.misplaced} out of place`,
      `latency     p50 ${millis(latency.p50)}, p90 ${millis(latency.p90)}, p99 ${millis(latency.p99)}, max ${millis(latency.max)}`,
      "",
    ].join("\n"),
  );
  if (report.delivered !== report.due || report.misplaced > 0) process.exitCode = 1;
} finally {
  await server?.stop();
}
