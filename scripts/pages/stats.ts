import type { FigureRow, FigureTable } from "../../src/bus/figure-table.js";
import { busTable, detailFigures, figures } from "../../src/bus/stats.js";
import { relayTable } from "../../src/redis/relay/relay-stats.js";
import { sourceTable } from "../../src/redis/source/source-stats.js";
import { fence, table, wrapped } from "./markdown.js";

/** docs/STATS.md, from the tables of figures. */
export function statsPage(): string {
  const of = (counters: boolean) =>
    table(
      ["figure", "what"],
      Object.entries(figures)
        .filter(([, { instrument }]) => (instrument === "counter") === counters)
        .map(([name, { says }]) => [`\`${name}\``, says]),
    );
  const parts = [
    "<!-- Written by `npm run docs` from src/bus/stats.ts, src/redis/relay/relay-stats.ts and src/redis/source/source-stats.ts. Do not edit by hand. -->",
    "# Statistics",
    "`bus.stats()` says what the bus counted and what it holds. It is exact at the moment of the call, also for readers that\nsleep. A relay and a source of `spanbus/redis` count, too: [below](#a-relay).",
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
    splitFigures(busTable, ([name, { by }]) => by !== undefined || name in detailFigures),
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
    "## A relay",
    "What `relay.stats()` of a `RedisRelay` has; what is split has a number for each of the values.",
    splitFigures(relayTable),
    wrapped(
      "What was published to the bus since the relay was made is `relayed`, `lost` or waits. When it is closed nothing waits any more: what did is lost.",
    ),
    "## A source",
    wrapped(
      "What `source.stats()` of a `RedisEventSource` has besides what a bus has. It takes the same options. Of the figures of a bus, `published` is the events that came from Redis, and what belongs to a producer is 0.",
    ),
    splitFigures(sourceTable, ([name]) => !(name in figures)),
  ];
  return `${parts.join("\n\n")}\n`;
}

function splitFigures(
  { figures, dimensions }: FigureTable,
  isShown: (figure: readonly [name: string, row: FigureRow]) => boolean = () => true,
): string {
  const valuesOf = (dimension: string): string =>
    Object.keys(dimensions[dimension]?.values ?? {})
      .map((value) => `\`${value}\``)
      .join(", ");
  return table(
    ["figure", "what", "split by"],
    Object.entries(figures)
      .filter(isShown)
      .map(([name, { says, by = [] }]) => [`\`${name}\``, says, by.map(valuesOf).join("; ")]),
  );
}
