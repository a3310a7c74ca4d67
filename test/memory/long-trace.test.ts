import type { Span } from "@opentelemetry/api";
import { describe, expect, it } from "vitest";
import { Service } from "../otel/support.js";
import { heapKeptBy } from "./garbage.js";

const MEGABYTE = 1024 * 1024;
const SPANS = 30_000;

describe("a trace that goes on and on, each span below the one that ends then", () => {
  it.each<[string, (service: Service, under: Span) => Span]>([
    ["events", (service, under) => service.tool("t", { under })],
    ["spans that are no events", (service, under) => service.plain("GET /", { under })],
  ])("holds no more than maxOpenSpans lets it, of %s", async (_, start) => {
    const service = new Service({ maxOpenSpans: 100, historyPerRun: 10 });
    const agent = service.agent("a");
    let last = start(service, agent);
    const kept = await heapKeptBy(() => {
      for (let count = 0; count < SPANS; count += 1) {
        const next = start(service, last);
        last.end();
        last = next;
      }
    });
    // Nearly one is code that was compiled meanwhile; a hundred bytes a span would be three more.
    expect(kept).toBeLessThan(2 * MEGABYTE);
    agent.end();
    last.end();
  });
});
