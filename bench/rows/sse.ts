import { heapBytes, settledHeap } from "../harness/clock.js";
import type { Case, Measure, Row } from "../harness/row.js";
import { median } from "../harness/statistics.js";
import { proveSse, SseAudience } from "../sse/audience.js";
import type { OpenServer } from "../sse/servers.js";

type Servers = typeof import("../sse/servers.js");

const MILLIS = Number(process.env["BENCH_MILLIS"] ?? 250);
const SPANBUS = "spanbus";
const BETTER_SSE = "better-sse";

function cases(measured: (open: OpenServer) => Measure): Case[] {
  const of = (choose: (servers: Servers) => OpenServer) => async () =>
    measured(choose(await import("../sse/servers.js")));
  return [
    { name: SPANBUS, load: of(({ spanbus }) => spanbus) },
    { name: `${SPANBUS}, by a \`Response\``, load: of(({ spanbusResponse }) => spanbusResponse) },
    {
      name: BETTER_SSE,
      less: "no history, no copy, no bound for slow clients, no filters, no permission",
      load: of(({ betterSse }) => betterSse),
    },
    { name: "raw, made for each client", less: "as above, no channels", load: of(({ perClient }) => perClient) },
    { name: "raw, made once", less: "as above", load: of(({ sharedBuffer }) => sharedBuffer) },
    { name: "limit, one chunk per turn", less: "as above, HTTP by hand", load: of(({ limit }) => limit) },
  ];
}

/** Microseconds of the server's processor time per event and client, and events per second of the clock. */
async function turns(audience: SseAudience, clients: number, events: number): Promise<{ cpu: number; rate: number }> {
  await audience.ask({ do: "rounds", events });
  const atLeast = Math.max(10, 5000 / clients);
  const repeat = async (millis: number): Promise<number> => {
    const end = performance.now() + millis;
    let count = 0;
    for (; count < atLeast || performance.now() < end; count += 1) await audience.turn(events);
    return count;
  };
  await repeat(MILLIS);
  const cpu = process.cpuUsage();
  const begin = performance.now();
  const count = await repeat(2 * MILLIS);
  const millis = performance.now() - begin;
  const { user, system } = process.cpuUsage(cpu);
  return { cpu: (user + system) / (count * events * clients), rate: (count * events * 1000) / millis };
}

function live(open: OpenServer): Measure {
  return async () => {
    await proveSse(await open());
    const server = await open();
    const many = new SseAudience(server);
    const heap = await heapBytes(() => many.ask({ do: "connect", clients: 1000 }));
    const [many1, many16] = [await turns(many, 1000, 1), await turns(many, 1000, 16)];
    await many.leave();
    const few = new SseAudience(server);
    await few.ask({ do: "connect", clients: 100 });
    const [few1, few16] = [await turns(few, 100, 1), await turns(few, 100, 16)];
    return {
      few1: few1.cpu,
      few16: few16.cpu,
      many1: many1.cpu,
      many16: many16.cpu,
      rate: many16.rate,
      heap: heap / 1000 / 1024,
    };
  };
}

export const sse: Row = {
  name: "sse",
  title: "Server-sent events",
  says: "Events of 400 bytes over sockets of this machine, to clients in another process; the next turn comes when all have the events of the last. Processor time is the server's, the system's included.",
  figures: {
    few1: "100 clients, 1 event a turn: µs per delivery",
    few16: "16 a turn",
    many1: "1,000 clients, 1 a turn",
    many16: "16 a turn",
    rate: "1,000 clients, 16 a turn: events/s",
    heap: "KiB of heap per client",
  },
  cases: cases(live),
  goals: [
    ...(["few1", "many1"] as const).map((figure) => ({
      row: "15",
      says: `time per delivery, ${figure === "few1" ? "100" : "1,000"} clients, 1 event a turn, to ${BETTER_SSE}`,
      got: (of: (name: string, figure: string) => number) => of(SPANBUS, figure) / of(BETTER_SSE, figure),
      atMost: 0.85,
    })),
    ...(["few16", "many16"] as const).map((figure) => ({
      row: "15",
      says: `time per delivery, ${figure === "few16" ? "100" : "1,000"} clients, 16 events a turn, to ${BETTER_SSE}`,
      got: (of: (name: string, figure: string) => number) => of(SPANBUS, figure) / of(BETTER_SSE, figure),
      atMost: 0.3,
    })),
    {
      row: "15",
      says: `events per second, 1,000 clients, 16 events a turn, to ${BETTER_SSE}`,
      got: (of) => of(SPANBUS, "rate") / of(BETTER_SSE, "rate"),
      atLeast: 4,
    },
    {
      row: "15",
      says: `heap per client, to ${BETTER_SSE}`,
      got: (of) => of(SPANBUS, "heap") / of(BETTER_SSE, "heap"),
      atMost: 0.5,
    },
  ],
  maxRounds: 5,
};

const MISSED = 500;

function resumed(open: OpenServer): Measure {
  return async () => {
    await proveSse(await open());
    const server = await open();
    for (let n = 1; n <= MISSED + 1; n += 1) server.publish(n);
    server.endTurn?.();
    const audience = new SseAudience(server, "");
    const resume = (times: number) => audience.ask({ do: "resume", times, events: MISSED, after: server.firstId() });
    await resume(150);
    const cpu = process.cpuUsage();
    const { millis } = await resume(60);
    const { user, system } = process.cpuUsage(cpu);
    return { cpu: (user + system) / 1000 / millis.length, wall: median(millis) };
  };
}

export const sseResume: Row = {
  name: "sse-resume",
  title: "A client that comes back",
  says: `It connects with a \`Last-Event-ID\` and gets the ${MISSED} events that it missed. Others are given a list of them by hand.`,
  figures: { cpu: "ms of the server's processor", wall: "ms until all are there" },
  cases: cases(resumed),
  goals: [
    {
      row: "15",
      says: `resume of ${MISSED}, to ${BETTER_SSE}`,
      got: (of) => of(SPANBUS, "cpu") / of(BETTER_SSE, "cpu"),
      atMost: 0.5,
    },
  ],
  maxRounds: 5,
};

const EVENTS = 60_000;

function stalled(open: OpenServer): Measure {
  return async () => {
    const server = await open();
    const audience = new SseAudience(server);
    await audience.ask({ do: "connect", clients: 2, stalled: 1 });
    await audience.ask({ do: "rounds", events: 16 });
    const before = await memory();
    for (let turn = 0; turn < EVENTS / 16; turn += 1) await audience.turn(16);
    const grown = (await memory()) - before;
    const dropped = server.dropped?.() ?? Number.NaN;
    if (server.dropped) {
      const { received, missed } = await audience.ask({ do: "release", events: EVENTS });
      if (received + missed !== EVENTS || missed !== dropped) {
        throw new Error(`${received} came and ${missed} were told as missed of ${EVENTS}, ${dropped} counted`);
      }
    }
    return { grown: grown / 2 ** 20, dropped };
  };
}

/** Bytes in use: the heap, and the buffers outside of it. */
async function memory(): Promise<number> {
  return (await settledHeap()) + process.memoryUsage().external;
}

export const sseStalled: Row = {
  name: "sse-stalled",
  title: "A client that stops reading, beside one that reads",
  says: `${EVENTS.toLocaleString("en-US")} events of 400 bytes, 16 a turn; the other client gets all of them. Where losses are counted, the one that stopped then reads on, and must be told as many as are missing.`,
  figures: { grown: "memory grown, MiB", dropped: "losses counted" },
  cases: cases(stalled),
  goals: [
    {
      row: "15",
      says: "memory held for a client that stopped",
      got: (of) => of(SPANBUS, "grown"),
      atMost: 4,
      unit: "MiB",
    },
  ],
  maxRounds: 3,
};
