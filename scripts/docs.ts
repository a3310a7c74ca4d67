import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { type FieldName, fields, operations, otherEvents } from "../src/bus/catalogue.js";
import type { ControlEventMap } from "../src/bus/event.js";
import { detailFigures, dimensions, type FigureRow, figures } from "../src/bus/stats.js";

/** The events that the bus itself puts into a stream, and their data. */
const controlEvents: Record<keyof ControlEventMap, { says: string; where: string; data: string }> = {
  "bus.gap": {
    says: "Events are missing here. It stands in their place, is made when it is read, and its `id` is that of the last missed event.",
    where: "every stream",
    data: "**missed**, **reason**, resumeAfter",
  },
  "bus.run.opened": { says: "A run began.", where: "global stream", data: "" },
  "bus.run.closed": { says: "A run ended.", where: "global stream", data: "**outcome**" },
};

const types: Record<(typeof fields)[FieldName]["type"], string> = {
  string: "string",
  number: "number",
  boolean: "boolean",
  content: "string (content)",
  outcome: "outcome",
  error: "`{ type, message }`",
};

/** docs/EVENTS.md, from the catalogue. */
export function eventsPage(): string {
  return `${sections().join("\n\n")}\n`;
}

function sections(): string[] {
  return [
    "<!-- Written by `npm run docs` from src/bus/catalogue.ts. Do not edit by hand. -->",
    "# Events",
    `Every event has \`id\`, \`runId\`, \`seq\`, \`type\`, \`time\` and \`data\`. \`traceId\`, \`spanId\` and \`parentSpanId\` are there
when the event comes from a span or was published inside one. \`attributes\` holds raw span attributes, if the option of
that name asks for them. \`id\` is opaque: pass it as \`after\` to resume behind the event. \`seq\` counts 1, 2, 3 … within a
run; sort by it, never by \`time\`, which is in milliseconds since the Unix epoch.`,
    `The tables list the fields of \`data\`. **Bold** fields are always there, the others when the instrumentation tells them.
The [glossary](#fields) says what each field means.`,
    "## Operations",
    `An operation is what an agent does. Each has three events: \`agent.<operation>.started\`, then exactly one of
\`agent.<operation>.completed\` and \`agent.<operation>.failed\` with the same \`spanId\`. The events of one operation share the
fields in the column *data*. A start adds those in *started*. Both ends add those in *completed, failed* and
**durationMillis**; \`failed\` also has **error**.`,
    table(
      ["operation", "what", "data", "started", "completed, failed"],
      Object.entries(operations).map(([name, { says, data, start, end }]) => [
        `\`${name}\``,
        says,
        uses(data),
        uses(start),
        uses(end),
      ]),
    ),
    "## Other events",
    table(
      ["type", "what", "data"],
      Object.entries(otherEvents).map(([type, { says, data }]) => [`\`${type}\``, says, uses(data)]),
    ),
    "## Events of the bus",
    `The bus puts these into a stream itself. They have no \`seq\`. A \`bus.gap\` passes every filter of a reader. Names that
begin with \`bus.\` cannot be published.`,
    table(
      ["type", "what", "stream", "data"],
      Object.entries(controlEvents).map(([type, { says, where, data }]) => [`\`${type}\``, says, where, data]),
    ),
    "`reason` of a gap says why events are missing:",
    [
      "- `lagged`: the reader was too slow and lost its oldest unread events. `missed` is exact.",
      "- `evicted`: it asked to resume behind an event that is no longer kept.",
      "- `generation`: the event it asked to resume behind belongs to another generation of the run, or to none. All kept history follows.",
      "- `cut`: only in another process, for a reader of all runs whose connection was lost for a while. How many are missing is not known.",
    ].join("\n"),
    `\`resumeAfter\` is the id of the event before the gap: \`history(runId, { after: resumeAfter })\` has those of the missing
events that are still kept.`,
    `\`outcome\` is \`completed\`, \`failed\`, \`cancelled\`, \`abandoned\` (its spans never ended), \`idle\` (nothing happened for too
long), \`detached\` (another process owns the run) or \`unknown\`.`,
    "## Fields",
    `A field marked *content* holds what people and models wrote: a preview by default, the whole text with
\`content: "full"\`, and nothing with \`content: "none"\`. It is always a string.`,
    table(
      ["field", "type", "meaning"],
      Object.entries(fields).map(([name, { type, says }]) => [`\`${name}\``, types[type], says]),
    ),
    "## Your own events",
    `Publish any other type with data of your own. It is copied, cut to 32 KiB of JSON and frozen. Extend \`EventMap\` to type it:`,
    `${fence}ts
import { EventBus } from "spanbus";

declare module "spanbus" {
  interface EventMap {
    "order.placed": { orderId: string };
  }
}

const bus = new EventBus();
bus.tap((event) => {
  if (event.type === "order.placed") console.log(event.data.orderId);
});
bus.publish({ runId: "run-1", type: "order.placed", data: { orderId: "A-17" } });
await bus.shutdown();
${fence}

${fence}text
A-17
${fence}`,
  ];
}

/** docs/STATS.md, from the table of figures. */
export function statsPage(): string {
  const of = (counters: boolean) =>
    table(
      ["figure", "what"],
      Object.entries(figures)
        .filter(([, { instrument }]) => (instrument === "counter") === counters)
        .map(([name, { says }]) => [`\`${name}\``, says]),
    );
  const parts = [
    "<!-- Written by `npm run docs` from src/bus/stats.ts. Do not edit by hand. -->",
    "# Statistics",
    "`bus.stats()` says what the bus counted and what it holds. It is exact at the moment of the call, also for readers that\nsleep.",
    "## Counted since the start",
    of(true),
    "## Held now",
    of(false),
    "## Depths",
    `For people and tests: \`queueDepths\` has the events waiting for each reader of all runs (\`global\`) and of each run
(\`runs\`), \`historyDepths\` the events kept of each run. \`stats({ depths: false })\` leaves them out. Run ids never
belong into metric attributes.`,
    "## Details",
    `\`stats({ details: true })\` adds what the metrics have besides: \`details\` with these figures, split along the values
behind them.`,
    table(
      ["figure", "what", "split by"],
      [...Object.entries<FigureRow>(figures), ...Object.entries<FigureRow>(detailFigures)]
        .filter(([name, { by }]) => by || name in detailFigures)
        .map(([name, { says, by = [] }]) => [`\`${name}\``, says, by.map(valuesOf).join("; ")]),
    ),
    `${fence}ts
import { EventBus } from "spanbus";

const bus = new EventBus({ maxQueueSize: 2 });
const sleepy = bus.subscribe("r");
for (const n of [1, 2, 3]) bus.publish({ runId: "r", type: "tick", data: { n } });
const { published, dropped, queuedEvents, historyEvents } = bus.stats({ depths: false });
console.log({ published, dropped, queuedEvents, historyEvents });
sleepy.close();
${fence}

${fence}text
{ published: 3, dropped: 1, queuedEvents: 2, historyEvents: 3 }
${fence}`,
  ];
  return `${parts.join("\n\n")}\n`;
}

const fence = "```";

function valuesOf(dimension: keyof typeof dimensions): string {
  return Object.keys(dimensions[dimension].values)
    .map((value) => `\`${value}\``)
    .join(", ");
}

/** Field names as the catalogue writes them: one with `!` is always there. */
function uses(names: readonly string[]): string {
  return names.map((name) => name.replace(/^(.*)!$/, "**$1**")).join(", ");
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  writeFileSync(new URL("../docs/EVENTS.md", import.meta.url), eventsPage());
  writeFileSync(new URL("../docs/STATS.md", import.meta.url), statsPage());
}
