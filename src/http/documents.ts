import type { BusEvent } from "../bus/event.js";
import { typeMatcher } from "../bus/event-stream.js";
import type { RunInfo } from "../bus/run.js";
import { encodeEvent } from "../wire/event-json.js";
import { page } from "./page.js";
import { Problem } from "./problem.js";
import { afterOf, limitOf, typesOf } from "./query.js";
import type { ReadableBus } from "./readable-bus.js";

/** The list of runs, newest activity first. */
export async function runsDocument(bus: ReadableBus, isShown: (run: RunInfo) => boolean): Promise<Response> {
  const runs = await bus.runs();
  return json(JSON.stringify({ runs: runs.filter(isShown) }));
}

/**
 * What is kept of a run. A limit counts what is shown: the first behind `after`, else the newest. A run of whose events a
 * filter shows none is as one that is not known.
 */
export async function historyDocument(
  bus: ReadableBus,
  url: URL,
  runId: string,
  where: ((event: BusEvent) => boolean) | undefined,
): Promise<Response> {
  const [after, limit, types] = [afterOf(url), limitOf(url), typesOf(url)];
  const snapshot = await bus.snapshot(runId, { after });
  if (!snapshot || snapshot.state === "awaited") throw unknownRun(runId);
  const { generation, state, end } = snapshot;
  const visible = snapshot.events.filter((event) => isGap(event) || !where || where(event));
  // What may be read may all be before `after`.
  const isKnown =
    !where ||
    visible.some((event) => !isGap(event)) ||
    (after !== undefined && (await bus.history(runId)).some((event) => !isGap(event) && where(event)));
  if (!isKnown) throw unknownRun(runId);
  const isAsked = types ? typeMatcher(types) : () => true;
  const shown = visible.filter(({ type }) => isAsked(type));
  const events = limit === undefined ? shown : after === undefined ? shown.slice(-limit) : shown.slice(0, limit);
  const head = JSON.stringify({
    runId,
    generation,
    state,
    ...(end?.outcome !== undefined && { outcome: end.outcome }),
  });
  return json(`${head.slice(0, -1)},"events":[${events.map(encodeEvent).join(",")}]}`);
}

/** Figures of the whole bus, without the ids of runs. */
export async function statsDocument(bus: ReadableBus): Promise<Response> {
  return json(JSON.stringify(await bus.stats({ depths: false })));
}

/** The page. Nothing in it runs, loads or goes anywhere but what it holds itself and this endpoint. */
export function pageDocument(): Response {
  const nonce = btoa(String.fromCharCode(...crypto.getRandomValues(new Uint8Array(18))));
  const policy = [
    "default-src 'none'",
    `script-src 'nonce-${nonce}'`,
    `style-src 'nonce-${nonce}'`,
    "connect-src 'self'",
    "img-src data:",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ];
  return new Response(page(nonce), {
    headers: {
      "Content-Type": "text/html; charset=utf-8",
      "Content-Security-Policy": policy.join("; "),
      "Referrer-Policy": "no-referrer",
    },
  });
}

/** It passes every filter. */
function isGap({ type }: BusEvent): boolean {
  return type === "bus.gap";
}

export function unknownRun(runId: string): Problem {
  return new Problem(404, `the run ${JSON.stringify(runId)} is not known`);
}

function json(text: string): Response {
  return new Response(text, { headers: { "Content-Type": "application/json" } });
}
