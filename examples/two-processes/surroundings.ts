import { parseArgs } from "node:util";

/** What each program of the example is told. */
export interface Surroundings {
  readonly redisUrl: string;
  /** How many agents are sent off; without `--trips` there is no end. */
  readonly trips: number;
  /** Aborts when it is to end: by Ctrl-C, or because the program that started it is gone. */
  readonly ending: AbortSignal;
}

export function surroundings(): Surroundings {
  const { values } = parseArgs({ options: { trips: { type: "string" } } });
  const trips = values.trips === undefined ? Number.POSITIVE_INFINITY : Number(values.trips);
  if (values.trips !== undefined && !/^[1-9]\d{0,5}$/.test(values.trips)) {
    throw new RangeError(`--trips must be a number from 1 to 999999, got "${values.trips}"`);
  }
  const ending = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => ending.abort());
  if (process.connected === false) process.exit();
  process.on("disconnect", () => ending.abort());
  // To listen for that alone shall not keep it alive.
  process.channel?.unref();
  return { redisUrl: process.env["REDIS_URL"] || "redis://127.0.0.1:6379", trips, ending: ending.signal };
}
