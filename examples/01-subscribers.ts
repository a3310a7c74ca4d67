/**
 * Two agents work at the same time. One reader follows one run, another follows all of them; both end by themselves. Then
 * a reader that is too slow, and what the bus counted.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { context, trace } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import { BasicTracerProvider } from "@opentelemetry/sdk-trace-base";
import { EventBus, type Subscription } from "spanbus";
import { dispatch } from "./agent.js";
import { chooseModel } from "./model.js";
import { outline } from "./outline.js";

// OpenTelemetry as usual. The bus is one more span processor, beside whatever exports the spans.
const bus = new EventBus();
trace.setGlobalTracerProvider(new BasicTracerProvider({ spanProcessors: [bus] }));
context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());

const { model, description } = await chooseModel();
console.log(`Model: ${description}`);

heading("All runs, live: bus.subscribeGlobal(…)");
const ofAllRuns = bus.subscribeGlobal({ types: ["agent.*", "bus.run.*"] });
const ofRunA = bus.subscribe("run-A");
const readers = [printUntilClosed(ofAllRuns, 2), collect(ofRunA)] as const;
const answers = await Promise.all([
  bus.run("run-A", () => dispatch(model, { from: "Berlin", to: "Rome" })),
  bus.run("run-B", () => dispatch(model, { from: "Berlin", to: "Oslo" }, { stream: true })),
]);
const [, linesOfRunA] = await Promise.all(readers);

heading('Only run-A, at the same time: bus.subscribe("run-A")');
console.log(linesOfRunA.join("\n"));
await tellEnd("the reader of run-A", ofRunA);
await tellEnd("the reader of all runs", ofAllRuns);

heading("Too late for the show? History first: bus.subscribe(…) after the end");
const late = bus.subscribe("run-B", { types: ["agent.*"] });
const linesOfRunB = await collect(late);
console.log(`${linesOfRunB.length} events of run-B, all from the history; the last one:`);
console.log(linesOfRunB.at(-1));
await tellEnd("the late reader", late);

heading("Too slow? The oldest unread go, and the reader is told");
await readSlowly();

heading("What the bus of run-A and run-B counted: bus.stats()");
const { queueDepths, historyDepths, ...counts } = bus.stats();
console.log(counts);
console.log(`events kept: ${JSON.stringify(historyDepths)}, waiting for readers: ${JSON.stringify(queueDepths)}`);

heading("What the agents said");
console.log(answers.join("\n"));

/** Prints as it comes, and leaves when so many runs have closed. */
async function printUntilClosed(subscription: Subscription, runs: number): Promise<void> {
  const lineOf = outline();
  let closed = 0;
  for await (const event of subscription) {
    console.log(`${event.runId} │ ${lineOf(event)}`);
    if (event.type === "bus.run.closed") closed += 1;
    if (closed === runs) break;
  }
}

/** Reads to the end, which comes when the run closes. */
async function collect(subscription: Subscription): Promise<string[]> {
  const lineOf = outline();
  const lines: string[] = [];
  for await (const event of subscription) lines.push(lineOf(event));
  return lines;
}

async function readSlowly(): Promise<void> {
  const smallBus = new EventBus({ maxQueueSize: 8 });
  const reader = smallBus.subscribe("ticker");
  let received = 0;
  const reading = (async () => {
    for await (const event of reader) {
      if (event.type === "bus.gap") {
        console.log(`  gap: ${event.data.missed} events missing (${event.data.reason})`);
        continue;
      }
      received += 1;
      console.log(`  ${event.type} ${JSON.stringify(event.data)}`);
      await sleep(20);
    }
  })();

  smallBus.publish({ runId: "ticker", type: "ticker.tick", data: { n: 1 } });
  await sleep(5);
  // The reader sleeps over its first tick. A publisher never waits for a reader.
  for (let n = 2; n <= 60; n += 1) smallBus.publish({ runId: "ticker", type: "ticker.tick", data: { n } });
  smallBus.closeStream("ticker", "completed");
  await reading;
  console.log(`published 60 = received ${received} + dropped ${reader.dropped}`);
}

async function tellEnd(name: string, subscription: Subscription): Promise<void> {
  const { reason, outcome } = await subscription.ended;
  console.log(`→ ${name} ended: ${reason}${outcome === undefined ? "" : `, the run: ${outcome}`}`);
}

function heading(text: string): void {
  console.log(`\n── ${text} ${"─".repeat(Math.max(0, 90 - text.length))}`);
}
