import type { EventBus } from "spanbus";
import { describe, expect, it, vi } from "vitest";
import { fields, operations } from "../../src/bus/catalogue.js";
import { launch } from "./browser.js";
import { visits } from "./support.js";

const see = visits(await launch());

// A browser takes as long as it takes.
vi.setConfig({ testTimeout: 60_000 });

const attacks = [
  `<script>globalThis.taken = "script"</script>`,
  `<img src=x onerror="globalThis.taken = 'image'">`,
  `"><svg onload="globalThis.taken='svg'">`,
  `' onfocus='globalThis.taken=1' autofocus='`,
  `javascript:globalThis.taken='link'`,
  `</script><script>globalThis.taken = 'end'</script>`,
  `\${globalThis.taken='template'} {{globalThis.taken=1}}`,
  "\x1b[31mred\x1b[0m \x1b]8;;https://evil.example\x07link\x1b]8;;\x07",
  "user\u202Egpj.exe \u2066isolated\u2069 \u200Fmark",
  "nul\0 back\b bell\x07 del\x7f c1\x9b31m",
  "zero\u200bwidth \ufeff \u{e0041}tag \ud800half",
  "x".repeat(3000),
];

/** Every field of every event of the catalogue, and every field around them. */
function publishHostile(bus: EventBus, attack: string, index: number): string {
  // A run id may hold no control characters: then the bus would ignore it.
  const runId = `${index} ${attack.replace(/\p{Cc}|\p{Cs}/gu, "").slice(0, 200)}`;
  const text = Object.fromEntries(Object.keys(fields).map((name) => [name, attack]));
  const data = { ...text, error: { type: attack, message: attack }, [attack]: attack, nested: { [attack]: [attack] } };
  const spanId = `${index}-${attack.slice(0, 50)}`;
  for (const operation of Object.keys(operations)) {
    const around = { runId, spanId: `${operation} ${spanId}`, parentSpanId: `invocation ${spanId}`, traceId: attack };
    const attributes = { [attack]: attack };
    bus.publish({ ...around, type: `agent.${operation}.started`, data, attributes });
    bus.publish({ ...around, type: `agent.${operation}.failed`, data, attributes });
  }
  for (const type of ["agent.model.chunk", "agent.tokens.used", "agent.handoff", "agent.terminate"])
    bus.publish({ runId, type, spanId: `model ${spanId}`, data });
  bus.publish({ runId, type: `x${attack.replace(/\p{Cc}|\p{Cs}/gu, "").slice(0, 100)}`, data });
  return runId;
}

describe.skipIf(!see.isPossible)("text from outside", () => {
  it.each(attacks.map((attack, index) => [JSON.stringify(attack).slice(0, 60), attack, index] as const))(
    "is text and nothing else: %s",
    async (_, attack, index) => {
      const { bus, url } = await see.place();
      const runId = publishHostile(bus, attack, index);
      const page = await see.visit(`${url}/#/run/${encodeURIComponent(runId)}`);
      await page.getByRole("treeitem").nth(11).waitFor();
      const look = async () => {
        const html = String(await page.evaluate("document.documentElement.outerHTML"));
        expect(await page.evaluate("globalThis.taken")).toBeUndefined();
        const foreign =
          "body img, body svg[onload], iframe, object, embed, [onerror], [onload], [onfocus], [autofocus]";
        expect(await page.locator(foreign).count()).toBe(0);
        expect(await page.locator("script").count()).toBe(1);
        expect(await page.locator("a:not([href^='#/'])").count()).toBe(0);
        // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
        expect(html).not.toMatch(/[\0-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff]/);
      };
      await look();
      for (let item = 0; item < 12; item += 1) {
        await page.getByRole("treeitem").nth(item).click();
        await page.getByRole("complementary", { name: "Details" }).getByRole("heading").first().waitFor();
        await look();
      }
      const listed = page.locator("#event").getByRole("option");
      await listed.last().click();
      await look();
      if (/^[ -~]{1,80}$/.test(attack)) {
        await page.getByRole("complementary", { name: "Details" }).getByText(attack).first().waitFor();
      }
      await page.getByRole("searchbox", { name: "Search runs" }).fill(`no ${attack}`);
      await page.getByText("No run matches.").waitFor();
      await look();
    },
  );
});

describe.skipIf(!see.isPossible)("a run that no address can hold", () => {
  const halves = ["half\ud800", "\udc00half", "."];

  it.each(halves)("is listed, and says calmly that it cannot be shown: %j", async (badId) => {
    // An endpoint of another version may list what this one refuses.
    const { bus, url } = await see.place({}, {}, (handler) => async (request) => {
      const response = await handler(request);
      if (new URL(request.url).pathname !== "/runs") return response;
      const { runs } = (await response.json()) as { runs: { startTime: number }[] };
      const bad = runs.map((run) => ({ ...run, runId: badId, parentRunId: badId, startTime: run.startTime + 1 }));
      return Response.json({ runs: [...bad, ...runs.map((run) => ({ ...run, parentRunId: badId }))] });
    });
    bus.publish({ runId: "good", type: "agent.invocation.started", spanId: "a", data: { agentName: "guide" } });
    const page = await see.visit(url);
    const listed = page.locator("#run").getByRole("option");
    await page.getByRole("treeitem", { name: /^agent guide/ }).waitFor();
    expect(await listed.count()).toBe(2);
    await listed.first().click();
    await page.getByText("It cannot be shown: no address can hold its id.").waitFor();
    await listed.last().click();
    await page.getByRole("treeitem", { name: /^agent guide/ }).waitFor();
    await page.goBack();
    await page.locator("main.none").waitFor();
    await page.goForward();
    await page.getByRole("treeitem", { name: /^agent guide/ }).waitFor();
  });
});
