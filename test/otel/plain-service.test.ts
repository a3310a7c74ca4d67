import { SeverityNumber } from "@opentelemetry/api-logs";
import { describe, expect, it } from "vitest";
import { fail, listen, pass, Service, withContextManager, withFakeTime, within } from "./support.js";

withContextManager();
withFakeTime();

describe("a service without agents", () => {
  it("keeps nothing and tells nothing, whatever it traces and logs", async () => {
    const service = new Service();
    const heard = listen(service.bus);
    for (let request = 0; request < 50; request += 1) {
      const server = service.plain("GET /", { attributes: { "http.request.method": "GET" } });
      within(server, () => {
        const query = service.plain("SELECT", { attributes: { "db.system.name": "postgresql" } });
        query.addEvent("retry", { attempt: 1 });
        service.log("http.request", { attributes: { path: "/" }, body: "hello" });
        service.log("device.app.lifecycle");
        service.logs.getLogger("app").emit({ severityNumber: SeverityNumber.INFO, body: "a line" });
        query.recordException(new Error("timeout"));
        fail(query);
      });
      server.addEvent("done");
      server.end();
      if (request % 10 === 0) await pass();
    }
    const { queueDepths, historyDepths, ...figures } = service.bus.stats();
    expect(Object.values(figures).filter((figure) => figure !== 0)).toEqual([]);
    expect(historyDepths).toEqual({});
    expect(queueDepths).toEqual({ global: [], runs: {} });
    expect(service.bus.runs()).toEqual([]);
    expect(heard).toEqual([]);
  });

  it("starts no timer", () => {
    const service = new Service();
    service.plain("GET /").end();
    service.log("http.request");
    return expect(pass(0).then(() => import("vitest").then(({ vi }) => vi.getTimerCount()))).resolves.toBe(0);
  });

  it("keeps nothing of spans that never end beyond maxOpenSpans", () => {
    const service = new Service({ maxOpenSpans: 5 });
    for (let count = 0; count < 100; count += 1) service.plain("forgotten");
    expect(service.bus.stats()).toMatchObject({ openSpans: 0, abandonedSpans: 0, published: 0, errors: 0 });
  });

  it("has no run for the traces it went through", () => {
    const service = new Service();
    const server = service.plain("GET /");
    server.end();
    expect(service.bus.runOf(server.spanContext().traceId)).toBeUndefined();
  });
});
