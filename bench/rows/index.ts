import type { Row } from "../harness/row.js";
import { growth } from "./growth.js";
import { idleReaders, keptEvents } from "./memory.js";
import { publish } from "./publish.js";
import { readers, readersInContext } from "./readers.js";
import { redisLatency, redisRelay } from "./redis.js";
import { replay } from "./replay.js";
import { agent, agentWithSdk3, plain, plainWithSdk3 } from "./spans.js";
import { sse, sseResume, sseStalled } from "./sse.js";
import { stalledReader } from "./stalled-reader.js";
import { waitingReaders } from "./waiting-readers.js";
import { wakeUp } from "./wake-up.js";

/** Every table, in the order of the page. A new one is a file here and a line below. */
export const rows: readonly Row[] = [
  publish,
  readers,
  readersInContext,
  waitingReaders,
  stalledReader,
  replay,
  wakeUp,
  keptEvents,
  idleReaders,
  plain,
  plainWithSdk3,
  agent,
  agentWithSdk3,
  sse,
  sseResume,
  sseStalled,
  redisRelay,
  redisLatency,
  growth,
];
