// Many runs, with readers of every kind. Whether the heap that is left after each part stays as it was is what it finds out.
//
//   npx tsx test/memory/soak/soak.ts [--runs 20000] [--rounds 7] [--samples 40] [--most 2] [--leak]
import { parseArgs } from "node:util";
import { context, trace } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import { EventBus, runContext } from "spanbus";
import { collectGarbage, heapInUse } from "../garbage.js";
import { Application, WAYS } from "./application.js";
import { Audience, READERS } from "./audience.js";
import { gainOf } from "./trend.js";

const { values } = parseArgs({
  options: {
    runs: { type: "string", default: "20000" },
    rounds: { type: "string", default: "7" },
    samples: { type: "string", default: "40" },
    most: { type: "string", default: "2" },
    leak: { type: "boolean", default: false },
  },
});

const AT_ONCE = 10;
const MEGABYTE = 1024 * 1024;

/** In percent: how much the heap may gain over the second half, or lose. */
const most = Number(values.most);

// Every part is the same, so what is kept at its end is.
const parts = Number(values.samples);
const turn = WAYS * READERS;
const runsPerPart = Math.max(1, Math.round(Number(values.runs) / parts / turn)) * turn;

context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());

const bus = new EventBus({
  maxRuns: 100,
  maxQueueSize: 64,
  maxOpenSpans: 60,
  unreadTimeoutMillis: 150,
  closeGraceMillis: 50,
  idleTimeoutMillis: 500,
});

// One span in ten tells when it is gone.
let spans = 0;
let followed = 0;
let gone = 0;
const registry = new FinalizationRegistry<undefined>(() => {
  gone += 1;
});
const application = new Application(bus, Number(values.rounds), (span) => {
  spans += 1;
  if (spans % 10 !== 0) return;
  followed += 1;
  registry.register(span, undefined);
});
const audience = new Audience(bus, values.leak);

/** The bus remembers how the last thousand runs ended, and the last thousand generations: that is filled first, with the like. */
function fillWhatIsRemembered(): void {
  const work = (): void => {
    const agent = application.operation("invoke_agent", context.active(), { "gen_ai.agent.name": "agent 0" });
    application.operation("chat", trace.setSpan(context.active(), agent), { "gen_ai.request.model": "gpt" }).end();
    agent.end();
  };
  for (let n = 0; n < 1100; n += 1) {
    work();
    const runId = `conversation ${n % 360}`;
    runContext(runId, work);
    bus.closeStream(runId);
  }
  spans = 0;
}

async function playPart(part: number): Promise<void> {
  let next = part * runsPerPart;
  const end = next + runsPerPart;
  const playOn = async (): Promise<void> => {
    while (next < end) {
      const n = next;
      next += 1;
      await application.play(n, (runId) => audience.watch(n, runId));
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, playOn));
}

/** Who was forgotten is let go by time; what was left open is closed. */
async function settle(): Promise<void> {
  const busy = (): boolean => {
    const { runSubscribers, globalSubscribers } = bus.stats({ depths: false });
    return runSubscribers + globalSubscribers > 0;
  };
  for (const giveUp = Date.now() + 30_000; busy() && Date.now() < giveUp; ) {
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  for (const { runId, state } of bus.runs()) if (state === "open") bus.closeStream(runId);
}

const heap: number[] = [];
fillWhatIsRemembered();
for (let part = 0; part < parts; part += 1) {
  await playPart(part);
  await settle();
  heap.push(await heapInUse(5));
  if ((part + 1) % Math.ceil(parts / 10) === 0) {
    console.log(`${spans} spans, ${(part + 1) * runsPerPart} runs: ${((heap.at(-1) ?? 0) / MEGABYTE).toFixed(2)} MiB`);
  }
}
for (let round = 0; round < 20 && gone < followed; round += 1) await collectGarbage(1);

const half = heap.slice(Math.floor(heap.length / 2));
const gain = gainOf(half);
const stats = bus.stats({ depths: false });
const { published, delivered, dropped, refused, evictedRuns, abandonedSpans, errors } = stats;
const { activeRuns, runSubscribers, globalSubscribers, openSpans, queuedEvents } = stats;

console.log(`events: ${JSON.stringify({ published, delivered, dropped, refused, errors })}`);
console.log(`readers: ${audience.came} came, ${audience.turnedAway} of them turned away at the limit`);
console.log(`runs: ${JSON.stringify({ evictedRuns, abandonedSpans })}`);
console.log(`left: ${JSON.stringify({ activeRuns, runSubscribers, globalSubscribers, openSpans, queuedEvents })}`);
console.log(`spans followed: ${followed}, of them gone: ${gone}`);
console.log(`heap over the second half: ${(100 * gain).toFixed(2)} % (${half.length} samples)`);

const mean = half.reduce((sum, value) => sum + value, 0) / half.length;
console.log(`  that is ${((gain * mean) / (spans / 2)).toFixed(3)} bytes for each span`);

const failures = [
  spans !== parts * runsPerPart * application.spansPerRun && "not all spans were made",
  activeRuns + runSubscribers + globalSubscribers + openSpans + queuedEvents > 0 && "something was left",
  gone !== followed && "spans were kept",
  100 * Math.abs(gain) > most && `the heap is not flat within ${most} %`,
].filter((failure) => failure !== false);
for (const failure of failures) console.log(`FAILED: ${failure}`);
process.exitCode = failures.length;
