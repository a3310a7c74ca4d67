import fc from "fast-check";
import { describe, expect, it, vi } from "vitest";
import { attacks, hostileEvents, streamOf } from "../hostile-events.js";
import { FIXED_SEED, freshSeed } from "../seeds.js";
import { launch } from "./browser.js";
import { visits } from "./support.js";

const see = visits(await launch());

// A browser takes as long as it takes.
vi.setConfig({ testTimeout: 120_000 });

const stream = { headers: { "content-type": "text/event-stream", "cache-control": "no-store" } };

const end = 'event: caught-up\ndata: {}\n\nevent: end\ndata: {"reason":"closed"}\n\n';

function staysOpen(text: string): ReadableStream<Uint8Array> {
  return new ReadableStream({ start: (controller) => controller.enqueue(new TextEncoder().encode(text)) });
}

describe.skipIf(!see.isPossible)("an endpoint that says anything", () => {
  it.each([FIXED_SEED, freshSeed])("is shown as text, and breaks nothing (seed %i)", async (seed) => {
    const told = fc.sample(hostileEvents("run"), { seed, numRuns: 300 });
    const [fields] = fc.sample(fc.dictionary(fc.constantFrom(...attacks), fc.jsonValue()), { seed, numRuns: 1 });
    const { url } = await see.place({}, {}, (handler) => async (request) => {
      const { pathname } = new URL(request.url);
      if (pathname === "/runs/run/events") return new Response(`${streamOf(told)}${end}`, stream);
      if (pathname === "/events") return new Response(staysOpen(streamOf(told)), stream);
      if (pathname === "/stats")
        return Response.json({ runSubscribers: 0, published: "many", activeRuns: null, ...fields });
      if (pathname !== "/runs") return handler(request);
      const runs = attacks.map((attack, index) => ({
        ...fields,
        runId: `${attack}`,
        generation: `g-${index}`,
        state: index % 2 ? "open" : "closed",
        outcome: attack,
        agentName: attack,
        startTime: 1e308,
        traceIds: [attack],
        conversationId: attack,
        lastTime: -1e308,
      }));
      return Response.json({
        runs: [...runs, { runId: "run", generation: "g-1", state: "open", startTime: 1, lastTime: 2, traceIds: [] }],
      });
    });
    const page = await see.visit(`${url}/#/run/run`);
    // Everything has arrived.
    await page.locator(`#event [aria-setsize="${told.length}"]`).first().waitFor();
    const look = async (): Promise<void> => {
      expect(await page.evaluate("globalThis.taken")).toBeUndefined();
      const foreign = "body img, body svg[onload], iframe, object, embed, [onerror], [onload], [onfocus], [autofocus]";
      expect(await page.locator(foreign).count()).toBe(0);
      expect(await page.locator("script").count()).toBe(1);
      expect(await page.locator("a:not([href^='#/'])").count()).toBe(0);
      const html = String(await page.evaluate("document.documentElement.outerHTML"));
      // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
      expect(html).not.toMatch(/[\0-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff]/);
    };
    await look();
    for (const list of ["#span [role=treeitem]", "#event [role=option]"]) {
      const rows = page.locator(list);
      const count = await rows.count();
      expect(count).toBeGreaterThan(0);
      for (let row = 0; row < count; row += Math.ceil(count / 4)) {
        await rows.nth(row).click();
        await page.getByRole("complementary", { name: "Details" }).getByRole("heading").first().waitFor();
        await look();
      }
    }
  });
});
