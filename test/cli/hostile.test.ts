import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { hostileEvents, streamOf } from "../hostile-events.js";
import { FIXED_SEED, freshSeed } from "../seeds.js";
import { closeAfterEach, run, serve } from "./support.js";

closeAfterEach();

describe.each([FIXED_SEED, freshSeed])("`spanbus tail` of an endpoint that says anything (seed %i)", (seed) => {
  const events = fc.sample(hostileEvents("run"), { seed, numRuns: 500 });
  const end = 'event: end\ndata: {"reason":"closed","outcome":"completed"}\n\n';

  const endpoint = (): Promise<string> =>
    serve((_, response) => {
      response.writeHead(200, { "content-type": "text/event-stream" }).end(streamOf(events) + end);
    });

  it("prints lines of plain text, and nothing that a terminal obeys", async () => {
    const { code, output, notes } = await run(["tail", await endpoint(), "--run", "run"]);
    expect(notes).toBe("");
    expect(code).toBe(0);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
    expect(output).not.toMatch(/[\0-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]/);
    expect(output.split("\n").length).toBeGreaterThan(400);
  });

  it("prints JSON that is the events, a line each", async () => {
    const { code, output } = await run(["tail", await endpoint(), "--run", "run", "--json"]);
    expect(code).toBe(0);
    const printed = output
      .trimEnd()
      .split("\n")
      .map((line) => (JSON.parse(line) as { id: string }).id);
    expect(printed).toEqual(events.map((_, index) => `g-1.${index + 1}`));
  });
});
