import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Consumer } from "./consumer.js";
import { acceptsTheBus, exportsMetrics, runsAnAgent, whatTheAgentDid } from "./programs.js";

const sdk = {
  traces: "@opentelemetry/sdk-trace-base",
  TracerProvider: "BasicTracerProvider",
  logs: "@opentelemetry/sdk-logs",
};

describe("with OpenTelemetry SDK 2", () => {
  let consumer: Consumer;
  beforeAll(async () => {
    consumer = await Consumer.create();
  }, 120_000);
  afterAll(() => consumer.remove());

  it("the bus is accepted wherever processors are, under the strictest settings", { timeout: 60_000 }, async () => {
    expect(await consumer.complaints(acceptsTheBus(sdk))).toEqual([]);
  });

  it("spans, span events and log events become events", { timeout: 60_000 }, async () => {
    const { seen, ...rest } = JSON.parse(await consumer.output(runsAnAgent(sdk)));
    expect({ seen: seen.map((each: unknown[]) => each.slice(0, 2)), ...rest }).toEqual(whatTheAgentDid);
  });

  it("the metrics are exported, the last time at shutdown", { timeout: 60_000 }, async () => {
    expect(await consumer.complaints(exportsMetrics)).toEqual([]);
    expect(JSON.parse(await consumer.output(exportsMetrics))).toEqual([1, 1, 1]);
  });
});
