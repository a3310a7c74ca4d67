import { wrong } from "../bus/checks.js";
import type { Subscription } from "../bus/subscription.js";
import { type Client, type ConnectionState, connect, EndpointError } from "../client/index.js";
import { type Arguments, UsageError, type Values } from "./arguments.js";
import type { Command } from "./command.js";
import { type Exit, exitOfOutcome, exitOfStatus } from "./exit-codes.js";
import { FollowAll } from "./follow-all.js";
import { Printer } from "./printer.js";
import { hasAddress } from "./run-id.js";
import { untilSignal } from "./signals.js";
import { duration, type Since, since } from "./since.js";
import type { Terminal } from "./terminal.js";

export const DEFAULT_URL = "http://127.0.0.1:4320/";

const flags = {
  run: { value: "<id>", says: "only this run: what is kept of it, then live, until it is over. Default every run." },
  wait: { says: "with --run: wait for a run that the endpoint does not know yet" },
  types: {
    value: "<list>",
    repeatable: true,
    says: "only these types: names, or prefixes ending in .*, separated by commas",
  },
  since: {
    value: "<when>",
    says:
      "begin with what is kept and not older: a duration (30s, 5m, 2h, 1d), a time (2026-01-31T08:00Z), all, or live. " +
      "Default all with --run, else live.",
  },
  json: { says: "one JSON event per line (NDJSON) instead of lines for people" },
  header: { value: "<name: value>", repeatable: true, says: 'a header of every request, "Authorization: Bearer …"' },
  "give-up": {
    value: "<duration>",
    says: "how long to try again when the endpoint cannot be reached, 0 for never. Default 60s.",
  },
  help: { says: "this text" },
} as const;

/** `spanbus tail`: follows the bus of another process. */
export const tail: Command<typeof flags> = {
  name: "tail",
  says: "Follows the runs of a service, one line per event, over the endpoint that spanbus/http serves.",
  operand: { name: "[url]", says: `Where the endpoint is. Default ${DEFAULT_URL}` },
  flags,
  notes: [
    "A connection that is lost is made again, and goes on behind the last event. Where events are missing nevertheless, a " +
      "line says so.",
    "Lines are coloured in a terminal, with NO_COLOR never, with FORCE_COLOR always. They are cut at the width of a " +
      "terminal, not in a pipe. Notes go to standard error.",
  ],
  examples: [
    { call: "spanbus tail", says: "every run of this machine's demo, live" },
    { call: "spanbus tail https://app.example/spanbus --since 10m", says: "the last ten minutes first" },
    { call: "spanbus tail --run travel-1 && echo good", says: "one run, and how it ended" },
    { call: "spanbus tail --types 'agent.tool.*' --json | jq .data", says: "what tools do, for a program" },
  ],
  exits: [
    "completed",
    "failed",
    "usage",
    "cut",
    "notFound",
    "refused",
    "unknown",
    "unwritten",
    "interrupted",
    "terminated",
  ],
  run: runTail,
};

async function runTail({ values, operands }: Arguments<typeof flags>, terminal: Terminal): Promise<Exit> {
  const { json, wait } = values;
  const asked = askedOf(values);
  if (operands.length > 1) throw new UsageError(`there may be one url, got ${operands.join(" ")}`);
  const url = urlOf(operands[0] ?? DEFAULT_URL);
  const headers = headersOf(values.header);
  const patience = values["give-up"] ?? "60s";
  const giveUpMillis = duration("--give-up", patience);

  const signals = untilSignal();
  signals.signal.addEventListener("abort", () => terminal.leave(), { once: true });
  const once = new AbortController();
  const signal = AbortSignal.any([signals.signal, terminal.gone, once.signal]);
  const client = connect(url, { headers, giveUpMillis: Math.max(1, giveUpMillis), signal });
  const printer = new Printer(terminal, { json, withRun: asked.run === undefined });
  const note = (text: string): void => {
    if (!signal.aborted) terminal.note(text);
  };
  const notes = connectionNotes(terminal, patience);
  const onConnection: Following["onConnection"] = (state, error) => {
    if (state !== "lost" || giveUpMillis > 0) return notes(state, error);
    note(error?.message ?? "the connection was lost");
    once.abort();
  };
  try {
    const exit = await follow(client, printer, { ...asked, wait, onConnection, note });
    return signals.exit ?? (once.signal.aborted ? "cut" : exit);
  } catch (error) {
    if (!(error instanceof EndpointError)) throw error;
    terminal.note(error.message);
    return exitOfStatus(error.status);
  } finally {
    signals.off();
  }
}

interface Asked {
  readonly run: string | undefined;
  readonly types: readonly string[] | undefined;
  readonly since: Since;
}

interface Following extends Asked {
  readonly wait: boolean;
  readonly onConnection: (state: ConnectionState, error?: Error) => void;
  readonly note: (text: string) => void;
}

async function follow(client: Client, printer: Printer, following: Following): Promise<Exit> {
  if (following.run !== undefined) return followOne(client, printer, { ...following, run: following.run });
  const { note } = following;
  await new FollowAll(client, printer, {
    ...following,
    onMissed: (error) => note(`what is kept could not be read: ${error.message}`),
    onSkipped: (runId, reason) => note(`the run ${JSON.stringify(runId)} is left out: ${reason}`),
  }).run();
  return "completed";
}

async function followOne(
  client: Client,
  printer: Printer,
  { run, types, since: from, wait, onConnection, note }: Following & { readonly run: string },
): Promise<Exit> {
  const after = from === "live" ? "live" : undefined;
  const events = client.subscribe(run, { types, wait, after, onConnection });
  if (typeof from === "number") await printKept(events, printer, from);
  for await (const batch of events.batches()) await printer.print(batch, () => true);
  const { reason, outcome } = await events.ended;
  // It was left from here.
  if (reason === "aborted" || reason === "returned") return "completed";
  if (reason !== "closed" && reason !== "producer-lost") {
    note(`the stream of the run ended before the run: ${reason}`);
    return "cut";
  }
  await printer.over(run, outcome);
  return exitOfOutcome(outcome);
}

/** What is kept and not older, one by one: a batch may go on with what is live, which is shown however old it says it is. */
async function printKept(events: Subscription, printer: Printer, from: number): Promise<void> {
  while (!events.caughtUp) {
    const { done, value } = await events.next();
    if (done) return;
    await printer.print([value], ({ time }) => events.caughtUp || time >= from);
  }
}

function connectionNotes(terminal: Terminal, patience: string): Following["onConnection"] {
  let isLost = false;
  return (state, error) => {
    if (state === "lost") terminal.note(`${error?.message ?? "the connection was lost"}; trying again for ${patience}`);
    if (state === "open" && isLost) terminal.note("connected");
    isLost = state === "lost";
  };
}

// ── arguments ───────────────────────────────────────────────────────────────────────────────────────────────────────

function askedOf({ run, types: lists, since: when, wait }: Values<typeof flags>): Asked {
  if (run !== undefined && !hasAddress(run))
    throw wrong(UsageError, "--run", '1 to 256 characters without control characters, other than "." and ".."', run);
  if (wait && run === undefined) throw new UsageError("--wait needs --run: without it every run is waited for anyway");
  const types = lists.flatMap((list) => list.split(","));
  for (const type of types) {
    if (!/^[^*]+(\.\*)?$/.test(type))
      throw wrong(UsageError, "--types", "names, or prefixes ending in .*, separated by commas", type);
  }
  return {
    run,
    types: types.length > 0 ? types : undefined,
    since: when === undefined ? (run === undefined ? "live" : "all") : since(when),
  };
}

function urlOf(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol !== "http:" && url?.protocol !== "https:")
    throw wrong(UsageError, "[url]", "an http or https address", text);
  if (url.username !== "" || url.password !== "")
    throw new UsageError("`[url]` must not hold a user or a password: use --header 'Authorization: …'");
  if (url.search !== "" || url.hash !== "") {
    const instead = "--run follows one run, --header says who asks";
    throw new UsageError(`\`[url]\` must be an address without query and hash: ${instead}`);
  }
  return url;
}

function headersOf(given: readonly string[]): Record<string, string> {
  const headers = new Headers();
  for (const text of given) {
    const [, name = "", value = ""] = /^([^:]+):\s*(.*)$/s.exec(text) ?? [];
    try {
      headers.append(name, value);
    } catch {
      // Not the value: it may be a secret.
      throw new UsageError(`\`--header\` must be like "Name: value", got ${JSON.stringify(name || "no name")}`);
    }
  }
  return Object.fromEntries(headers);
}
