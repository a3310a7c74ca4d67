import type { Span } from "@opentelemetry/api";
import { type BusEvent, runContext } from "spanbus";
import { describe, expect, it, vi } from "vitest";
import { pass, requestFrom, Service, withContextManager, withFakeTime } from "./support.js";

withContextManager();
withFakeTime();

/** Numbers that look random and are the same for the same seed. */
function dice(seed: number): (sides: number) => number {
  let state = seed * 2_654_435_761 + 1;
  return (sides) => {
    state = (Math.imul(state ^ (state >>> 15), 2_246_822_519) + 3_266_489_917) >>> 0;
    return (state >>> 8) % sides;
  };
}

/** What a tap heard of one generation. */
interface Heard {
  readonly seqs: number[];
  readonly started: string[];
  readonly ended: string[];
  closed: number;
  late: number;
}

/** Does a few hundred things in an order that the seed decides. */
async function live(service: Service, seed: number): Promise<void> {
  const roll = dice(seed);
  const spans: Span[] = [];
  const open: Span[] = [];
  const any = <T>(list: readonly T[]): T | undefined => list[roll(list.length || 1)];
  const start = (under: Parameters<Service["agent"]>[1]) => {
    const makers = [
      () => service.agent("a", under),
      () => service.workflow("w", under),
      () => service.model(under),
      () => service.tool("t", under),
      () => service.plain("POST", under),
    ];
    const span = any(makers)?.();
    if (!span) return;
    if (roll(6) === 0) span.setAttribute("gen_ai.operation.name", "execute_tool");
    spans.push(span);
    open.push(span);
  };
  const acts = [
    () => start({}),
    () => start({ under: any(open) }),
    () => start({ under: any(open) }),
    () => start({ under: any(spans) }),
    () => start({ under: requestFrom({ traceId: any(["1", "2"])?.repeat(32) ?? "" }) }),
    () => runContext(any(["r", "s"]) ?? "r", () => start({ under: any(open) })),
    () => void service.bus.run(any(["r", "t"]) ?? "r", () => start({ under: any(open) })),
    () => void service.bus.run(() => start({ under: any(spans) })),
    () => open.splice(roll(open.length || 1), 1)[0]?.end(),
    () => open.splice(roll(open.length || 1), 1)[0]?.end(),
    () => open.splice(roll(open.length || 1), 1)[0]?.end(),
    () => any(open)?.recordException(new Error("x")),
    () => any(spans)?.addEvent("agent.note"),
    () => service.log("agent.note", { ...(spans.length > 0 && { on: any(spans) as Span }) }),
    () =>
      service.log("agent.model.chunk", {
        ...(spans.length > 0 && { on: any(spans) as Span }),
        attributes: { text: "x" },
      }),
    () => service.bus.closeStream(any(["r", "s", "t", ...service.bus.runs().map(({ runId }) => runId)]) ?? "r"),
    () => pass(roll(300)),
    () => Promise.resolve(),
  ];
  for (let step = 0; step < 400; step += 1) await any(acts)?.();
  for (const span of open) if (roll(3) > 0) span.end();
}

const generationOf = ({ id }: BusEvent) => id.slice(0, id.lastIndexOf("."));

describe("whatever happens in whatever order", () => {
  it.each(Array.from({ length: 30 }, (_, seed) => seed + 1))("the promises hold (seed %i)", async (seed) => {
    const service = new Service({
      closeGraceMillis: 500,
      idleTimeoutMillis: 5000,
      transient: [],
      historyPerRun: 2000,
      maxOpenSpans: seed % 3 === 0 ? 10 : 10_000,
      include: seed % 4 === 0 ? "all" : "agent",
    });
    const heard = new Map<string, Heard>();
    const of = (generation: string): Heard => {
      const known = heard.get(generation) ?? { seqs: [], started: [], ended: [], closed: 0, late: 0 };
      heard.set(generation, known);
      return known;
    };
    service.bus.tap({
      event: (event) => {
        const generation = of(generationOf(event));
        generation.seqs.push(event.seq ?? Number.NaN);
        generation.late += generation.closed;
        if (/\.started$/.test(event.type)) generation.started.push(event.spanId ?? "none");
        if (/\.(completed|failed)$/.test(event.type)) generation.ended.push(event.spanId ?? "none");
      },
      closed: ({ generation, outcome }) => {
        if (outcome !== "detached") of(generation).closed += 1;
      },
    });
    await live(service, seed);
    await pass(6000);
    expect(service.bus.stats()).toMatchObject({ activeRuns: 0, openSpans: 0, errors: 0 });
    await service.bus.shutdown();
    expect(heard.size).toBeGreaterThan(0);
    for (const { seqs, started, ended, closed, late } of heard.values()) {
      expect(seqs).toEqual(seqs.map((_, index) => index + 1));
      expect(new Set(started).size).toBe(started.length);
      expect(ended.toSorted()).toEqual(started.toSorted());
      expect(closed).toBeLessThanOrEqual(1);
      expect(late).toBe(0);
    }
    await pass();
    expect(vi.getTimerCount()).toBe(0);
  });
});
