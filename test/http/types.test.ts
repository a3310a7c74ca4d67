import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Consumer } from "../types/consumer.js";

describe("the declarations of spanbus/http", () => {
  let consumer: Consumer;
  beforeAll(async () => {
    consumer = await Consumer.create();
  }, 120_000);
  afterAll(() => consumer.remove());

  const source = `
    import { type BusEvent, EventBus } from "spanbus";
    import { type Authorize, createHandler, type Handler, type HandlerOptions, type ReadableBus } from "spanbus/http";

    const authorize: Authorize = async (request, { scope, runId }) => {
      if (scope === "run") return runId.startsWith(request.headers.get("tenant") ?? "?");
      if (scope === "page") return new Response(null, { status: 401 });
      return { where: (event: BusEvent) => event.runId !== "x", runs: (run) => run.state === "open" };
    };
    const bus: ReadableBus = new EventBus();
    const options: HandlerOptions = { authorize, cors: ["https://app.example"], page: false };
    export const handler: Handler = createHandler(bus, options);
    export const fetch = (request: Request): Promise<Response> => handler(request);
    export const GET: (request: Request) => Response | Promise<Response> = createHandler(bus, { authorize: () => true });
    export const inNext: (request: Request, context: { params: Promise<object> }) => Promise<Response> = handler;
    export const onNode: (request: Request, env: { incoming: object; outgoing: object }) => unknown = handler;
    // @ts-expect-error: authorize is required
    createHandler(bus, {});
    // @ts-expect-error: neither yes nor no
    createHandler(bus, { authorize: () => "yes" });
    // @ts-expect-error: no such option
    createHandler(bus, { authorize, heartbeat: 1 });
  `;

  it.each([
    ["of Node", {}],
    ["of the DOM", { lib: ["es2022", "dom"], types: [] }],
    ["of both", { lib: ["es2022", "dom"] }],
  ])("compile with the types %s", { timeout: 60_000 }, async (_, options) => {
    expect(await consumer.complaints(source, options)).toEqual([]);
  });
});
