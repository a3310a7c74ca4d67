// What is tried elsewhere on streams that go straight into Node's response, tried on the body of a `Response`.

import { EventBus } from "spanbus";
import { expect, it } from "vitest";
import { publishNote } from "../bus/support.js";
import { Client, closeAfterEach, serve, serveBy } from "./support.js";

serveBy("response");
closeAfterEach();

it("a stream is the body of a `Response`, which the server cuts into chunks", async () => {
  const bus = new EventBus();
  publishNote(bus, "r", 1);
  const { response } = await Client.open(`${await serve(bus)}/runs/r/events`);
  expect(response.headers["transfer-encoding"]).toBe("chunked");
});

await import("./one-run.test.js");
await import("./several-runs.test.js");
await import("./many-clients.test.js");
await import("./hostile.test.js");
