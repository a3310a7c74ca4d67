import { context } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import { LoggerProvider } from "@opentelemetry/sdk-logs";
import { BasicTracerProvider } from "@opentelemetry/sdk-trace-base";
import { EventBus } from "spanbus";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Dice } from "../dice.js";
import { FIXED_SEED, freshSeed } from "../seeds.js";
import type { Sdk } from "./application.js";
import { makeLongTrace } from "./long-trace.js";
import { playAll, type SdkOf } from "./play.js";
import { Witness } from "./promises.js";

beforeAll(() => {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
});
afterAll(() => context.disable());

const sdk2: SdkOf = (processors) => {
  const tracing = new BasicTracerProvider({ spanProcessors: [...processors] as never });
  const logging = new LoggerProvider({ processors: [...processors] as never });
  return {
    tracer: (scope) => tracing.getTracer(scope),
    logger: (scope) => logging.getLogger(scope) as ReturnType<Sdk["logger"]>,
  };
};

describe("whatever an application does with its spans, the bus keeps its promises", () => {
  const programs = Number(process.env["FC_RUNS"] ?? 120);

  it("in the programs of a seed that never changes", { timeout: 300_000 }, async () => {
    expect(await playAll(FIXED_SEED, programs, sdk2)).toEqual([]);
  });

  it(`in those of a fresh one: FC_SEED=${freshSeed} plays them again`, { timeout: 300_000 }, async () => {
    expect(await playAll(freshSeed, programs, sdk2)).toEqual([]);
  });

  it("in one trace of 10,000 spans, whose calls and tokens add up", { timeout: 120_000 }, async () => {
    const bus = new EventBus({ historyPerRun: 100_000 });
    const witness = new Witness(bus);
    const dice = new Dice(freshSeed);
    const { traceId, modelCalls, toolCalls, tokens } = makeLongTrace(dice, sdk2([bus as never]), 10_000);
    const sums = { modelCalls, toolCalls, inputTokens: tokens, outputTokens: tokens };
    expect(bus.runInfo(traceId), `FC_SEED=${freshSeed}`).toMatchObject({
      state: "closed",
      outcome: expect.any(String),
      openSpans: 0,
      ...sums,
    });
    const last = bus.history(traceId, { limit: 1 })[0];
    expect(last).toMatchObject({ type: "agent.terminate", data: sums });
    expect(
      witness.complaints({ made: [], foreign: new Set() }, { complete: true, linked: true, content: "preview" }),
    ).toEqual([]);
  });
});
