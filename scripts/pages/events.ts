import { type FieldName, fields, operations, otherEvents } from "../../src/bus/catalogue.js";
import type { ControlEventMap, EndReason } from "../../src/bus/event.js";
import { fence, table } from "./markdown.js";

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

/** What `ended` of a reader says. */
const endReasons: Record<EndReason, string> = {
  closed:
    "The run was closed; with the outcome `detached` it belongs to another process and only paused here. Of a reader of all runs: `closeGlobal` was called.",
  aborted: "The `signal` of the reader, or of the client it is of, was aborted.",
  returned: "It was left by `break`, `return()`, `close()` or `await using`.",
  idle: "It left events unread for `unreadTimeoutMillis`, or got none for an `idleTimeoutMillis` of its own. A run that nothing happens in ends as `closed`, with the outcome `idle`.",
  evicted: "The events of the run were evicted to make room. What waited for the reader came first.",
  dropped: "The run was forgotten, by `dropHistory` or by the process that a client reads.",
  shutdown: "The bus, or the Redis source, was shut down.",
  cut: "Only in another process: the endpoint or Redis refused, or could not be reached any more.",
  "producer-lost":
    "Only over Redis: nothing is heard of the processes that write the run. The outcome is `abandoned`; should one come back, the run goes on.",
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
    `What a span is may show only at its end. If \`include\` made it an event before, its \`span.*\` events are followed by those of
its operation, with the same \`spanId\`.`,
    "## Events of the bus",
    `The bus puts these into a stream itself. They have no \`seq\`. A \`bus.gap\` passes every filter of a reader; where
it would name a run that \`where\` hides, it is a \`cut\` that names none. Names that begin with \`bus.\` cannot be published.`,
    table(
      ["type", "what", "stream", "data"],
      Object.entries(controlEvents).map(([type, { says, where, data }]) => [`\`${type}\``, says, where, data]),
    ),
    "`reason` of a gap says why events are missing:",
    [
      "- `lagged`: the reader was too slow and lost its oldest unread events. `missed` is exact.",
      "- `evicted`: it asked to resume behind an event that is no longer kept.",
      "- `generation`: the event it asked to resume behind belongs to another generation of the run, or to none; or Redis forgot the run. All kept history follows.",
      "- `cut`: only in another process: they did not come through, and are not kept. `missed` is 0 where nobody knows how many, as for a reader of all runs.",
    ].join("\n"),
    `\`resumeAfter\` is the id of the event before the gap: \`history(runId, { after: resumeAfter })\` has those of the missing
events that are still kept.`,
    `\`outcome\` is \`completed\`, \`failed\`, \`cancelled\`, \`abandoned\` (its spans never ended), \`idle\` (nothing happened for too
long), \`detached\` (another process owns the run) or \`unknown\`.`,
    "## How a reader ends",
    "`ended` of a subscription settles with a `reason` and, where the run is over, its `outcome`.",
    table(
      ["reason", "when"],
      Object.entries(endReasons).map(([reason, says]) => [`\`${reason}\``, says]),
    ),
    "## Fields",
    `A field marked *content* holds what people and models wrote: a preview by default, up to 8 192 characters with
\`content: "full"\`, and nothing with \`content: "none"\`. It is always a string. So it is of spans, and of span events and log events with
the name of one of these types; what you \`publish\` or \`emit\` stays as it is.`,
    table(
      ["field", "type", "meaning"],
      [
        ...Object.entries(fields).map(([name, { type, says }]) => [`\`${name}\``, types[type], says]),
        [
          "`truncated`",
          "`true`",
          "Something was cut: an event has at most 32 KiB of JSON, strings of 8 192 characters, 8 levels, and 128 keys or items in each. A preview is not marked.",
        ],
      ],
    ),
    "## Your own events",
    `Publish any other type with data of your own. It is copied, cut to what an event has room for, and frozen. An event is at
most 32 KiB of JSON; of these, 1,376 bytes, the run id and three bytes for each character of the type are not for \`data\` and
\`attributes\`, and 17 are for \`truncated\`. Extend \`EventMap\` to type it:`,
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

/** Field names as the catalogue writes them: one with `!` is always there. */
function uses(names: readonly string[]): string {
  return names.map((name) => name.replace(/^(.*)!$/, "**$1**")).join(", ");
}
