import { type Attribute, type Counter, failed, type Histogram, label, outboxFill, select } from "./metric-names.js";

/**
 * What Prometheus watches: figures it works out beforehand, and alerts with what to do about each. The rules file and the
 * runbook in docs/METRICS.md are made from these tables.
 */

export interface Recording {
  /** `level:metric:operations`, as is the custom. */
  readonly record: string;
  readonly says: string;
  readonly expr: string;
}

export interface Alert {
  readonly name: string;
  readonly expr: string;
  /** How long it must hold. Left out: at once. */
  readonly for?: string;
  /** How long it goes on when it no longer holds, so that a figure at the edge doesn't ring again and again. */
  readonly keepFiringFor?: string;
  readonly severity: "info" | "warning";
  /** One line, and a few. Both may hold templates of Prometheus. */
  readonly summary: string;
  readonly description: string;
  /** For whom it wakes up. */
  readonly runbook: {
    readonly means: string;
    readonly look: readonly string[];
    readonly act: readonly string[];
  };
}

const scope = label("spanbus.subscriber.scope");
const loss = label("spanbus.loss.reason");

/** In order: a figure may use those before it. */
export const recordings: readonly Recording[] = [
  {
    record: "component:spanbus_event_published:rate5m",
    says: "Events per second that a bus published.",
    expr: `rate(${select("spanbus.event.published")}[5m])`,
  },
  {
    record: "component:spanbus_event_delivered:rate5m",
    says: "Events per second that the readers of a bus took.",
    expr: `rate(${select("spanbus.event.delivered")}[5m])`,
  },
  {
    record: "component:spanbus_event_dropped:rate5m",
    says: "Events per second that slow readers of a bus lost.",
    expr: `sum without (${scope}, ${label("spanbus.drop.reason")}) (rate(${select("spanbus.event.dropped")}[5m]))`,
  },
  {
    record: "component:spanbus_event_dropped:ratio_rate5m",
    says: "Of the events meant for the readers of a bus, the part that slow ones lost.",
    expr: "component:spanbus_event_dropped:rate5m / (component:spanbus_event_delivered:rate5m + component:spanbus_event_dropped:rate5m > 0)",
  },
  {
    record: "component:spanbus_queue_utilization:max",
    says: "Fill of the fullest queue of a bus, 0 to 1.",
    expr: `max without (${scope}) (${select("spanbus.queue.utilization")})`,
  },
  {
    record: "agent:gen_ai_invoke_agent_duration_seconds:p95_5m",
    says: "Seconds in which 19 of 20 requests to an agent were done, over all processes of a job.",
    expr: p95("gen_ai.invoke_agent.duration", "gen_ai.agent.name"),
  },
  {
    record: "tool:gen_ai_execute_tool_duration_seconds:p95_5m",
    says: "Seconds in which 19 of 20 calls of a tool were done, over all processes of a job.",
    expr: p95("gen_ai.execute_tool.duration", "gen_ai.tool.name"),
  },
  {
    record: "tool:gen_ai_execute_tool:rate5m",
    says: "Calls of a tool that ended, per second.",
    expr: calls("gen_ai.execute_tool.duration", "gen_ai.tool.name"),
  },
  {
    record: "tool:gen_ai_execute_tool_failed:rate5m",
    says: "Calls of a tool that failed, per second. Cancelled ones did not fail. 0 where something ended and nothing failed.",
    expr: `${calls("gen_ai.execute_tool.duration", "gen_ai.tool.name", failed)} or tool:gen_ai_execute_tool:rate5m * 0`,
  },
  {
    record: "tool:gen_ai_execute_tool_failed:ratio_rate5m",
    says: "Of the calls of a tool that ended, the part that failed.",
    expr: "tool:gen_ai_execute_tool_failed:rate5m / (tool:gen_ai_execute_tool:rate5m > 0)",
  },
];

/** Which bus, relay or source, in templates of Prometheus. */
const bus = `{{ $labels.${label("otel.component.name")} }} on {{ $labels.instance }}`;
const count = '{{ $value | printf "%.0f" }}';

export const alerts: readonly Alert[] = [
  {
    name: "SpanbusEventsDropped",
    expr: grew("spanbus.event.dropped"),
    severity: "warning",
    summary: `Slow readers of ${bus} lose events`,
    description: `Readers of ${bus} (scope {{ $labels.${scope} }}) were more than maxQueueSize behind and lost events in the last 10 minutes: about ${count}.`,
    runbook: {
      means:
        "A reader was more than `maxQueueSize` events behind, so it lost its oldest unread ones and got a `bus.gap` in their place. Publishers, agents and other readers were not slowed down, and `history()` may still have the events. Scope `run` means readers of one run, often a page in a browser; `global` means readers of all runs, often a relay or a log.",
      look: [
        "*Queue of the reader most behind*: a line that stays at 100 % is one reader that stopped reading; one that jumps is a burst.",
        '*Throughput*: more events than on other days? `include: "all"` and chunks of streamed answers are what multiplies them.',
        "In the service: what the reader does between two events. An `await` on a database or on a slow client is the usual cause.",
      ],
      act: [
        "Let the reader take what waits at once, with `batches()`, or only the `types` that it needs.",
        "A larger `maxQueueSize` bridges bursts. It does not help a reader that is slower on average.",
        "A reader that must have every event reads again behind the gap: `history(runId, { after: resumeAfter })`.",
      ],
    },
  },
  {
    name: "SpanbusSubscribersRejected",
    expr: grew("spanbus.subscriber.rejected"),
    severity: "warning",
    summary: `${bus} turns readers away`,
    description: `${bus} has as many readers as allowed (scope {{ $labels.${scope} }}) and turned others away in the last 10 minutes: about ${count}.`,
    runbook: {
      means:
        "`subscribe` or `subscribeGlobal` threw `EventBusError` with `SPANBUS_SUBSCRIBER_LIMIT`: somebody sees nothing. The limits are `maxRunSubscribers` (scope `run`) and `maxGlobalSubscribers` (scope `global`).",
      look: [
        "*Readers by stream*: a line that climbs and never falls is a leak. Readers are then never closed, most often because a client's disconnect doesn't reach them.",
        "A line that follows the number of users is no leak: the limit is too small.",
      ],
      act: [
        "Leak: leave readers by `break`, `close()`, `await using` or a `signal` that the disconnect aborts. An `idleTimeoutMillis` per reader ends forgotten ones. A restart frees them for now.",
        "No leak: raise the limit of the scope. A reader costs a position in a log, not a copy of it.",
      ],
    },
  },
  {
    name: "SpanbusQueueNearlyFull",
    expr: `${select("spanbus.queue.utilization")} > 0.8`,
    for: "2m",
    keepFiringFor: "5m",
    severity: "warning",
    summary: `A reader of ${bus} is about to lose events`,
    description: `The reader of ${bus} that is most behind (scope {{ $labels.${scope} }}) has filled {{ $value | humanizePercentage }} of its queue. At 100 % it loses events.`,
    runbook: {
      means:
        "For two minutes at least one reader had more than 80 % of `maxQueueSize` unread. It has lost nothing yet, unless [SpanbusEventsDropped](#spanbuseventsdropped) fires too.",
      look: [
        "*Queue of the reader most behind*: at 100 % and flat, the reader sleeps. It is released when it took nothing for `unreadTimeoutMillis` (5 minutes by default), and then the alert ends by itself.",
        "Between 80 and 100 %: the reader works, but more slowly than events come.",
      ],
      act: ["As for [SpanbusEventsDropped](#spanbuseventsdropped), and there is still time."],
    },
  },
  {
    name: "SpanbusSpansAbandoned",
    expr: grew("spanbus.span.abandoned"),
    severity: "info",
    summary: `Spans of ${bus} do not end`,
    description: `${bus} gave up spans that had not ended in the last 10 minutes: about ${count}. Readers saw their operations fail with error type "abandoned".`,
    runbook: {
      means:
        'A run closed while spans of it were open, or more than `maxOpenSpans` were open at once. Readers saw `*.failed` with `error.type: "abandoned"`, and a late end changes nothing any more.',
      look: [
        "*Spans*: a line that only climbs is an instrumentation, or code of yours, that starts spans and never ends them. Streams that nobody reads to their end are the usual cause.",
        "Events `agent.*.failed` with that error type name the operation, and `agentName` or `toolName` the place.",
        "After a restart: shutting a bus down gives up what is open, and this alert is right but harmless.",
      ],
      act: [
        "End the spans in `finally`, and cancel streams that are not read to their end.",
        "Work that goes on behind the answer: raise `closeGraceMillis` above the longest silence of such work, or run it inside `bus.run`, which waits for its spans.",
        "More than 10 000 spans open at once and all of them real: raise `maxOpenSpans`.",
      ],
    },
  },
  {
    name: "SpanbusErrors",
    expr: grew("spanbus.error.count"),
    severity: "warning",
    summary: `Errors inside ${bus}`,
    description: `Callbacks threw in ${bus}, or the bus itself failed, in the last 10 minutes: about ${count} times. Agents are not affected.`,
    runbook: {
      means:
        "A callback given to the bus threw (`tap`, `redact`, `where`, `runId`, `include`, `attributes`), or the bus failed itself. Nothing of it reaches the application. Callbacks that decide fail closed: an event for which `redact` throws is withheld from everybody, one for which `where` throws from that reader.",
      look: [
        "The log of the service, where `diag` writes: each error is reported there with its callback, once a minute at most. No logger was set? `diag.setLogger(new DiagConsoleLogger())`.",
        "*Refused* with reason `withheld`: then it is `redact`, and events are missing.",
      ],
      act: [
        "Mend the callback. Those that decide must be synchronous: an `async` one counts as an error every time.",
        "A stack that has no code of yours in it is a bug of spanbus: please report it, with the stack.",
      ],
    },
  },
  {
    name: "SpanbusNoEvents",
    expr: `${select("spanbus.span.open")} > 0 and increase(${select("spanbus.event.published")}[5m]) == 0`,
    for: "10m",
    severity: "warning",
    summary: `Spans are open in ${bus}, and nothing happens`,
    description: `${bus} has published nothing for 10 minutes or more although spans are open: {{ $value }}. An agent, a model or a tool hangs, or a span is never ended.`,
    runbook: {
      means:
        "Agents, models or tools began, and no event of the bus came since, for 10 to 15 minutes. Whoever asked them probably still waits. It looks at the bus, not at each agent: one that hangs in a service where others are busy never rings. And whoever is waited for, it rings: a person who is asked for approval and takes 15 minutes, too.",
      look: [
        "`bus.runs()`: the open runs with `openSpans`, and since when each is silent (`lastTime`). `bus.history(runId)` ends with the operation that hangs.",
        "One agent that hangs among others that work: *Agents at work by name* does not fall back, and `bus.runs()` has an open run whose `lastTime` is long ago.",
        "*Agents at work by name* and *Tool duration*: which agent, and how long its tools usually take.",
        "*Spans*: a level that never returns to 0, with agents that answer, is a span that nobody ends, not one that hangs.",
      ],
      act: [
        "Give calls of models and tools a timeout, and an `AbortSignal` that it aborts.",
        "Tools that really are silent for so long, such as those that wait for a person: let them `emit` progress or a reminder, or raise `for` of this alert.",
        "A span that nobody ends: see [SpanbusSpansAbandoned](#spanbusspansabandoned). Its run is closed as `idle` after `idleTimeoutMillis`, an hour by default.",
      ],
    },
  },
  {
    name: "SpanbusRelayLost",
    // What another process closed takes no more: late events are lost on purpose.
    expr: grew("spanbus.relay.event.lost", `${loss}!="sealed"`),
    severity: "warning",
    summary: `The relay ${bus} loses events`,
    description: `Events of the relay ${bus} never reach readers in other processes (reason {{ $labels.${loss} }}), in the last 10 minutes: about ${count}. Readers in the same process have them.`,
    runbook: {
      means:
        "Events did not get to Redis: with reason `outbox` more waited than the outbox may hold, with `refused` Redis said no and would say it again, with `closed` the relay was closed before all was sent. Readers elsewhere get a `bus.gap` in their place. Readers of the bus itself lost nothing, and agents were not slowed down.",
      look: [
        "*Lost by relays*: for which reason. *Outboxes* and *Lag*: whether Redis was away, or is too slow for what is published.",
        "What `onError` of the relay was told: the message names the command and the key.",
      ],
      act: [
        "`outbox`: bring Redis back, or closer. A larger `outbox` bridges longer outages, at the price of memory.",
        "`refused`: allow the user of the client the commands and keys of spanbus, or give the relay a `keyPrefix` of its own where keys of another type are in its way.",
        "`closed`: give `relay.close({ timeoutMillis })` more time, and shut the bus down before it.",
      ],
    },
  },
  {
    name: "SpanbusOutboxNearlyFull",
    expr: `(${outboxFill()}) > 0.8`,
    for: "1m",
    keepFiringFor: "5m",
    severity: "warning",
    summary: `The relay ${bus} is about to lose events`,
    description: `The outbox of the relay ${bus} is filled to {{ $value | humanizePercentage }}. At 100 % it gives up its oldest events.`,
    runbook: {
      means:
        "For a minute more than 80 % of `outbox.maxEvents` or `outbox.maxBytes` waited for Redis. It has lost nothing yet, unless [SpanbusRelayLost](#spanbusrelaylost) fires too.",
      look: [
        "*Outages and errors*: errors without an end are a Redis that is away, that is full (`OOM`), or that reads only (`READONLY`).",
        "No errors: Redis, or the network to it, takes less than is published. *Lag* then grows slowly.",
      ],
      act: ["As for [SpanbusRelayLost](#spanbusrelaylost), and there is still time."],
    },
  },
  {
    name: "SpanbusRelayLag",
    expr: `${select("spanbus.relay.lag")} > 30`,
    for: "1m",
    keepFiringFor: "5m",
    severity: "warning",
    summary: `Events of the relay ${bus} do not reach Redis`,
    description: `The oldest event of the relay ${bus} has waited {{ $value | humanizeDuration }} for Redis. Readers in other processes see nothing new, or see it late.`,
    runbook: {
      means:
        "An event has waited for more than 30 seconds. Whoever watches from another process sees a run that stands still, and after `leaseMillis` of silence (15 seconds by default) one whose producer is lost. Nothing is lost while the outbox has room, and what is late arrives when Redis is back.",
      look: [
        "*Outages and errors*, and what `onError` of the relay was told.",
        "One relay or all of them? One is its network or its client; all are Redis.",
      ],
      act: [
        "Bring Redis back; relays go on by themselves. A client that does not reconnect by itself has to be told so in its options.",
        "A connection over which nothing comes and which nobody resets: give the client a socket timeout.",
      ],
    },
  },
  {
    name: "SpanbusSourceEventsDropped",
    expr: grew("spanbus.source.event.dropped"),
    severity: "warning",
    summary: `Slow remote readers of ${bus} lose events`,
    description: `Readers of the source ${bus} (scope {{ $labels.${scope} }}) were more than maxQueueSize behind and lost events in the last 10 minutes: about ${count}.`,
    runbook: {
      means:
        "The same as [SpanbusEventsDropped](#spanbuseventsdropped), for readers of a `RedisEventSource`: the events came from Redis, and this reader did not take them in time. `history(runId, { after: resumeAfter })` has those that Redis keeps.",
      look: ["*Dropped by remote readers*, and the process of the source: is it busy, or are its clients slow?"],
      act: ["As for [SpanbusEventsDropped](#spanbuseventsdropped); `maxQueueSize` is an option of the source."],
    },
  },
];

// ── expressions ─────────────────────────────────────────────────────────────────────────────────────────────────────

/**
 * By how much a counter grew in ten minutes, where it did. An increase sees nothing of a counter that begins above 0, because
 * the process began to lose before it was read for the first time. So where there is no increase, the counter counts from
 * what it was ten minutes ago, and from 0 if it was not there or has begun anew since. An hour is looked back for it: a
 * counter that was not read for a while and comes back as it was has not grown.
 */
function grew(metric: Counter, ...where: readonly string[]): string {
  const counter = select(metric, { where });
  return [
    `increase(${counter}[10m]) > 0`,
    `or ${counter} - (`,
    `  last_over_time(${counter}[1h] offset 10m) <= ${counter}`,
    `  or ${counter} * 0`,
    ") > 0",
  ].join("\n");
}

function calls(metric: Histogram, by: Attribute, ...where: readonly string[]): string {
  return `sum by (job, ${label(by)}) (rate(${select(metric, { part: "_count", where })}[5m]))`;
}

/** Over all processes of a job, because a quantile of quantiles says nothing. */
function p95(metric: Histogram, by: Attribute): string {
  return `histogram_quantile(0.95, sum by (job, ${label(by)}, le) (rate(${select(metric, { part: "_bucket" })}[5m])))`;
}
