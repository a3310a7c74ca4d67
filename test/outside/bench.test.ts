import { afterAll, expect, it } from "vitest";
import { benchProject } from "../../bench/harness/project.js";
import { hasRedis, RedisServer } from "../redis/redis-server.js";

interface ListedRow {
  readonly name: string;
  readonly packages?: string;
  readonly needsRedis?: boolean;
  readonly cases: readonly string[];
}

// Each case proves that the right events arrive before it measures; here it measures for a millisecond.
const redis = hasRedis() ? await RedisServer.start() : undefined;
afterAll(() => redis?.stop());
const project = await benchProject("bench");
const rows: ListedRow[] = JSON.parse(await project.run("node", ["child.js"]));
const cases = rows
  .filter(({ packages = "bench", needsRedis }) => packages === "bench" && (redis || !needsRedis))
  .flatMap((row) => row.cases.map((name, index) => ({ row: row.name, name, index })));

it.each(cases)("$row: $name delivers what it should", async ({ row, index }) => {
  const args = ["--expose-gc", "child.js", row, String(index)];
  const figures = JSON.parse(
    await project.run("node", args, { env: { BENCH_MILLIS: "1", ...(redis && { REDIS_URL: redis.url }) } }),
  );
  expect(Object.keys(figures).length).toBeGreaterThan(0);
});
