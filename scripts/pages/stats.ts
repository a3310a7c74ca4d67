import { detailFigures, dimensions, type FigureRow, figures } from "../../src/bus/stats.js";
import { fence, table } from "./markdown.js";

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

function valuesOf(dimension: keyof typeof dimensions): string {
  return Object.keys(dimensions[dimension].values)
    .map((value) => `\`${value}\``)
    .join(", ");
}
