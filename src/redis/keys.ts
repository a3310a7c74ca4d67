import { wrong } from "../bus/checks.js";

/** Where a run is kept in Redis. The braces keep the keys of a run in one slot of a cluster. */
export const keyTable = {
  meta: { name: "{run}:meta", type: "hash", says: "Where the run stands, in the fields below." },
  events: { name: "{run}:events", type: "stream", says: "The newest events. The id of an entry is its seq." },
  traces: { name: "{run}:traces", type: "set", says: "Traces that events of the run came from, the first 100." },
  channel: { name: "{run}", type: "channel", says: "Every batch that was appended, and the end of the run." },
  runs: { name: "runs", type: "sorted set", says: "Runs by the time at which they were last heard of." },
  leases: { name: "leases", type: "sorted set", says: "Runs by the time at which their last producer counts as lost." },
} as const;

/** Fields of the hash `meta`. Times are milliseconds of the server's clock. */
export const metaFields = {
  epoch: "The generation of the run.",
  formerly: "What it was called before the server lost events of it, the newest name first.",
  seq: "Seq of its latest event.",
  kept: "Seq of the newest event that was put into the stream.",
  lost: "Seq of the newest event that was kept once and is no more.",
  state: "`open`, `closed`, `detached`, or `lost` once it was told that its last producer is.",
  outcome: "How it ended.",
  lease: "When its last producer counts as lost, unless one is heard of.",
  "lease:<relay>": "The same for one producer; negative once it left, or was told to be lost.",
  "batch:<relay>": "Number of the last batch of one producer: a batch that is sent again is not taken again.",
  server: "The server that took the last batch: on another, events may be missing.",
  earlier: "Generations that were closed before this one began, the latest 8, each with its last seq and its outcome.",
  start: "Time of the first event.",
  last: "Time of the latest event.",
  parentRunId: "The run in which this one was begun.",
  agentName: "The first agent that was named.",
  conversationId: "The first conversation that was named.",
  "totals:<generation>":
    "What one producer counts: its relay, calls of models, of tools, of those that failed, tokens sent and received, open spans; `o` if the run is its own.",
  "totals:": "The sum of what those counted that are gone for long.",
} as const;

/** The keys of one run. */
export interface RunKeys {
  /** `meta`, `events`, `traces`: what the scripts of a run take. */
  readonly keys: readonly [meta: string, events: string, traces: string];
  readonly channel: string;
}

/** Names of keys and channels under a prefix. */
export class Keys {
  readonly runs: string;
  readonly leases: string;
  /** Matches the channel of every run. */
  readonly pattern: string;
  readonly #prefix: string;
  readonly #channelPrefix: string;

  /** Databases share their channels, so that those of another than 0 say which. */
  constructor(prefix: string, database: number) {
    this.#prefix = prefix;
    this.#channelPrefix = database === 0 ? prefix : `${prefix}:db${database}`;
    this.runs = `${prefix}:runs`;
    this.leases = `${prefix}:leases`;
    this.pattern = `${this.#channelPrefix.replace(/[\\*?[\]^]/g, "\\$&")}:{*}`;
  }

  of(runId: string): RunKeys {
    const run = `{${this.member(runId)}}`;
    const key = `${this.#prefix}:${run}`;
    return { keys: [`${key}:meta`, `${key}:events`, `${key}:traces`], channel: `${this.#channelPrefix}:${run}` };
  }

  /**
   * The run id as it stands in keys and in the list of runs: without braces, which say what of a key decides its slot, and
   * without halves of characters, which UTF-8 lacks.
   */
  member(runId: string): string {
    return runId.replace(/[%{}]|\p{Surrogate}/gu, (each) => `%${each.charCodeAt(0).toString(16).padStart(4, "0")}`);
  }

  /** The run id behind such a name. */
  runOf(member: string): string {
    return member.replace(/%([0-9a-f]{4})/g, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16)));
  }

  /** The run whose channel it is. */
  runOfChannel(channel: string): string {
    return this.runOf(channel.slice(this.#channelPrefix.length + 2, -1));
  }
}

/** @throws TypeError or RangeError that names the option. */
export function checkedPrefix(prefix: unknown): string {
  if (typeof prefix !== "string") throw wrong(TypeError, "keyPrefix", "a string", prefix);
  if (!/^[\x21-\x7e]{1,128}$/.test(prefix))
    throw wrong(RangeError, "keyPrefix", "1 to 128 visible ASCII characters", prefix);
  // Redis would take no notice of the braces around the run id then.
  if (prefix.includes("{}")) throw wrong(RangeError, "keyPrefix", "without empty braces", prefix);
  return prefix;
}
