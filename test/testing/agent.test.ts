import { trace } from "@opentelemetry/api";
import { BasicTracerProvider } from "@opentelemetry/sdk-trace-base";
import { EventBus } from "spanbus";
import { matchers, type RecordedRun, recordRun } from "spanbus/testing";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { dispatch } from "../../examples/agent.js";
import { scriptedModel } from "../../examples/model/scripted.js";
import { withContextManager } from "../otel/support.js";

expect.extend(matchers);
withContextManager();

describe("a real agent", () => {
  const bus = new EventBus({ content: "full" });
  beforeAll(() => {
    trace.setGlobalTracerProvider(new BasicTracerProvider({ spanProcessors: [bus] }));
  });
  afterAll(() => {
    trace.disable();
    return bus.shutdown();
  });
  const plan = (to: string): Promise<RecordedRun<string>> =>
    recordRun(bus, () => dispatch(scriptedModel().model, { from: "Berlin", to }, { stream: true }));

  it("looks at the weather and for a flight, and nothing else", async () => {
    const run = await plan("Rome");
    expect(run).toHaveEnded("completed");
    expect(run).toHaveCalledTool("get_weather", { times: 1, arguments: { city: "Rome" } });
    expect(run).not.toHaveCalledTool("search_trains");
    expect(run).toHaveUsedAtMostTokens(500);
    expect(run.result).toContain("Rome it is.");
  });

  it("takes the train where there is no flight", async () => {
    const run = await plan("Oslo");
    expect(run).toHaveCalledToolsInOrder(["search_flights", "search_trains"]);
    expect(run).toHaveEnded("completed");
  });

  it("is shown as an outline", async () => {
    const run = await plan("Oslo");
    expect(String(run)).toBe(
      [
        "The run ended as completed. It did:",
        "  ✓ agent travel-agent",
        "    ✓ model travel-script (tool_calls, 59 tokens in, 30 out)",
        '      ✓ tool get_weather {"city":"Oslo"} → "Sunny, 24 °C in Oslo."',
        '      ✗ tool search_flights {"from":"Berlin","to":"Oslo"} Error: the flight search did not answer',
        "    ✓ model travel-script (tool_calls, 207 tokens in, 17 out)",
        '      ✓ tool search_trains {"from":"Berlin","to":"Oslo"} → "Train Berlin to Oslo, 19:40, 89 €."',
        "    ✓ model travel-script (stop, 291 tokens in, 17 out)",
      ].join("\n"),
    );
  });
});
