import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  InMemorySpanExporter,
  ParentBasedSampler,
  type Sampler,
  SamplingDecision,
  SimpleSpanProcessor,
} from "@opentelemetry/sdk-trace-base";
import { alwaysRecord } from "spanbus";
import { describe, expect, it } from "vitest";
import { requestFrom, Service, withContextManager, withFakeTime } from "./support.js";

withContextManager();
withFakeTime();

function exporting(sampler: Sampler): { service: Service; exported: () => string[] } {
  const exporter = new InMemorySpanExporter();
  const service = new Service({}, { sampler, spanProcessors: [new SimpleSpanProcessor(exporter)] });
  return { service, exported: () => exporter.getFinishedSpans().map(({ name }) => name) };
}

describe("alwaysRecord", () => {
  it("shows the bus what the sampler drops, and exports nothing of it", () => {
    const { service, exported } = exporting(alwaysRecord(new AlwaysOffSampler()));
    const agent = service.agent("a");
    service.model({ under: agent }).end();
    agent.end();
    expect(service.types(agent)).toHaveLength(5);
    expect(exported()).toEqual([]);
    expect(agent.spanContext().traceFlags).toBe(0);
  });

  it("is needed: without it an unsampled run is no run", () => {
    const { service } = exporting(new AlwaysOffSampler());
    service.agent("a").end();
    expect(service.bus.runs()).toEqual([]);
  });

  it("leaves alone what is sampled", () => {
    const { service, exported } = exporting(alwaysRecord(new AlwaysOnSampler()));
    service.agent("a").end();
    expect(exported()).toEqual(["invoke_agent a"]);
  });

  it("keeps the decision of an unsampled client downstream", () => {
    const { service, exported } = exporting(alwaysRecord(new ParentBasedSampler({ root: new AlwaysOnSampler() })));
    const agent = service.agent("a", { under: requestFrom({ traceFlags: 0 }) });
    agent.end();
    expect(service.types(agent)).toHaveLength(3);
    expect(exported()).toEqual([]);
  });

  it("hands on everything else the sampler says, and says what it wraps", () => {
    const result = { decision: SamplingDecision.NOT_RECORD, attributes: { "sampling.rule": "7" } };
    const inner: Sampler = { shouldSample: () => result, toString: () => "Mine" };
    const sampler = alwaysRecord(inner);
    const decided = (sampler.shouldSample as () => object)();
    expect(decided).toEqual({ ...result, decision: SamplingDecision.RECORD });
    expect(String(sampler)).toContain("Mine");
    expect(result.decision).toBe(SamplingDecision.NOT_RECORD);
  });
});
