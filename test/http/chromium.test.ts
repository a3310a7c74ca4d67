import { EventBus } from "spanbus";
import { afterAll, describe, expect, it } from "vitest";
import { publishNote, publishNotes } from "../bus/support.js";
import { launch } from "../page/browser.js";
import { closeAfterEach, serve } from "./support.js";

closeAfterEach();

const browser = await launch();
afterAll(() => browser?.close());

/** Runs in the page. */
const readsToTheEnd = `new Promise((resolve) => {
  const heard = [];
  const source = new EventSource("runs/run/events");
  source.onmessage = ({ data }) => heard.push(String(JSON.parse(data).data.n));
  source.addEventListener("caught-up", () => document.body.setAttribute("data-caught-up", ""));
  source.addEventListener("end", ({ data }) => heard.push(JSON.parse(data).outcome));
  source.onerror = () => {
    if (source.readyState === EventSource.CLOSED) resolve(heard);
  };
})`;

describe.skipIf(!browser)("the `EventSource` of Chromium", () => {
  it("reads a run to its end, comes back once, and stops by itself", async () => {
    const bus = new EventBus();
    publishNotes(bus, "run", 1, 3);
    const url = await serve(bus);
    const page = await browser?.newPage();
    if (!page) throw new Error("no page");
    const answers: number[] = [];
    page.on("response", (response) => {
      if (response.url().endsWith("/events")) answers.push(response.status());
    });
    await page.goto(`${url}/runs`);
    const seen = page.evaluate<string[]>(readsToTheEnd);
    await page.waitForSelector("[data-caught-up]", { state: "attached" });
    publishNote(bus, "run", 4);
    bus.closeStream("run", "completed");
    expect(await seen).toEqual(["1", "2", "3", "4", "completed"]);
    expect(answers).toEqual([200, 204]);
    expect(bus.stats().runSubscribers).toBe(0);
    await page.close();
  });
});
