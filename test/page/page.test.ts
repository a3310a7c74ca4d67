import { trace } from "@opentelemetry/api";
import { BasicTracerProvider } from "@opentelemetry/sdk-trace-base";
import type { Locator, Page } from "playwright-core";
import type { EventBus } from "spanbus";
import { afterEach, describe, expect, it, vi } from "vitest";
import { dispatch } from "../../examples/agent.js";
import { scriptedModel } from "../../examples/model/scripted.js";
import { publishNotes } from "../bus/support.js";
import { withContextManager } from "../otel/support.js";
import { launch } from "./browser.js";
import { visits } from "./support.js";

const see = visits(await launch());

// A browser takes as long as it takes.
vi.setConfig({ testTimeout: 60_000 });

/** An agent that called a tool which failed, and calls another that has not answered yet. */
function publishAgent(bus: EventBus, runId: string, name = "guide"): void {
  const agent = { spanId: "agent", data: { agentName: name, input: "Where to?" } };
  bus.publish({ runId, type: "agent.invocation.started", ...agent });
  const model = { spanId: "model", parentSpanId: "agent" };
  bus.publish({ runId, type: "agent.model.started", ...model, data: { model: "gpt", agentName: name } });
  bus.publish({ runId, type: "agent.model.first_chunk", ...model, data: { timeToFirstChunkMillis: 5 } });
  bus.publish({ runId, type: "agent.model.completed", ...model, data: { model: "gpt", durationMillis: 20 } });
  bus.publish({ runId, type: "agent.tokens.used", ...model, data: { inputTokens: 120, outputTokens: 30 } });
  const broken = { spanId: "broken", parentSpanId: "agent" };
  bus.publish({
    runId,
    type: "agent.tool.started",
    ...broken,
    data: { toolName: "flights", arguments: '{"to":"Oslo"}' },
  });
  const error = { type: "Timeout", message: "no answer" };
  bus.publish({
    runId,
    type: "agent.tool.failed",
    ...broken,
    data: { toolName: "flights", durationMillis: 10, error },
  });
  bus.publish({
    runId,
    type: "agent.tool.started",
    spanId: "open",
    parentSpanId: "agent",
    data: { toolName: "trains" },
  });
}

function endAgent(bus: EventBus, runId: string): void {
  const trains = { toolName: "trains", durationMillis: 40, result: "19:40, 89 €" };
  bus.publish({ runId, type: "agent.tool.completed", spanId: "open", parentSpanId: "agent", data: trains });
  bus.publish({ runId, type: "agent.invocation.completed", spanId: "agent", data: { durationMillis: 90 } });
  bus.closeStream(runId, "completed");
}

const spans = (page: Page, name: RegExp): Locator => page.getByRole("treeitem", { name });
const events = (page: Page, name: RegExp): Locator => page.locator("#event").getByRole("option", { name });
const runs = (page: Page, name: RegExp): Locator => page.locator("#run").getByRole("option", { name });
const styleOf = (element: Locator, property: string): Promise<string | undefined> =>
  element.evaluate((node, name) => {
    const { getComputedStyle } = globalThis as unknown as { getComputedStyle(of: unknown): Record<string, string> };
    return getComputedStyle(node)[name];
  }, property);
const width = async (element: Locator): Promise<number> => (await element.boundingBox())?.width ?? 0;

describe.skipIf(!see.isPossible)("the page", () => {
  describe("with a real agent", () => {
    withContextManager();
    afterEach(() => trace.disable());

    it("shows its run, its spans and what it came to", async () => {
      const { bus, url } = await see.place();
      trace.setGlobalTracerProvider(new BasicTracerProvider({ spanProcessors: [bus] }));
      const page = await see.visit(url);
      await page.getByRole("heading", { name: "No runs yet" }).waitFor();
      await bus.run("trip-7", () => dispatch(scriptedModel().model, { from: "Berlin", to: "Oslo" }, { stream: true }));
      await runs(page, /^travel-agent, completed, .* 1 tool call failed, run trip-7$/).waitFor();
      await page.getByRole("heading", { name: "travel-agent" }).waitFor();
      await spans(page, /^agent travel-agent, completed/).waitFor();
      await spans(page, /^tool search_flights, failed, .*the flight search did not answer/).waitFor();
      await spans(page, /^tool search_trains, completed/).waitFor();
      expect(await page.locator(".bar .wait").count(), "first tokens are marked").toBeGreaterThan(0);
    });

    it("begins again with a run that begins again", async () => {
      const { bus, url } = await see.place();
      publishAgent(bus, "r", "first life");
      endAgent(bus, "r");
      const page = await see.visit(url);
      await page.locator(".chip.completed").waitFor();
      await page.getByRole("status", { name: "Connection" }).getByText("Live").waitFor();
      bus.run("r", () => bus.emit("agent.invocation.started", { agentName: "second life" }));
      await page.getByRole("heading", { name: "second life" }).waitFor();
    });
  });

  describe("of a run under way", () => {
    it("grows while it happens, and stands still when it is over", async () => {
      const { bus, url } = await see.place();
      publishAgent(bus, "r");
      const page = await see.visit(`${url}/#/run/r`);
      const running = spans(page, /^tool trains, running/);
      await running.waitFor();
      expect(await styleOf(running.locator(".bar"), "animationName")).toBe("breathe");
      const took = () => running.locator(".took").textContent();
      const before = await took();
      await expect.poll(took).not.toBe(before);
      endAgent(bus, "r");
      await spans(page, /^tool trains, completed, 40 ms/).waitFor();
      await page.locator(".chip.completed").waitFor();
      expect(await spans(page, /running/).count()).toBe(0);
    });

    it("is red where something failed, and says what", async () => {
      const { bus, url } = await see.place();
      publishAgent(bus, "r");
      const page = await see.visit(url);
      const failed = spans(page, /^tool flights, failed, .*Timeout: no answer$/);
      await failed.waitFor();
      const [bad, good] = [failed.locator(".bar"), spans(page, /^model gpt, completed/).locator(".bar")];
      expect(await styleOf(bad, "backgroundColor")).toBe("rgb(200, 36, 63)");
      expect(await styleOf(good, "backgroundColor")).not.toBe("rgb(200, 36, 63)");
      expect(await width(good.locator(".wait"))).toBeGreaterThan(0);
    });

    it("does not move for those who want it calm", async () => {
      const { bus, url } = await see.place();
      publishAgent(bus, "r");
      const page = await see.visit(url, { reducedMotion: "reduce" });
      expect(await styleOf(spans(page, /^tool trains, running/).locator(".bar"), "animationName")).toBe("none");
    });
  });

  it("says what happened to the connection, comes back, and marks what was lost meanwhile", async () => {
    see.forgive(/Failed to load resource|ERR_/);
    const place = await see.place({}, { historyPerRun: 20 });
    publishAgent(place.bus, "r");
    const page = await see.visit(`${place.url}/#/run/r`);
    const connection = page.getByRole("status", { name: "Connection" });
    await connection.getByText("Live").waitFor();
    await events(page, /^agent\.tool\.started/)
      .first()
      .waitFor();
    await place.goAway();
    await connection.getByText("Reconnecting").waitFor();
    publishNotes(place.bus, "r", 1, 100);
    await place.comeBack();
    await connection.getByText("Live").waitFor();
    await page.getByText(/^\d+ events are missing: no longer kept by the bus\.$/).waitFor();
    await page
      .locator("#span")
      .getByRole("img", { name: /events are missing/ })
      .waitFor();
    await page.getByRole("searchbox", { name: "Filter events" }).fill("no event has this");
    await events(page, /^\d+ events are missing/).waitFor();
    expect(await page.locator("#event").getByRole("option").count(), "a loss passes every filter").toBe(1);
  });

  describe("is found", () => {
    it("by a link to a run, whatever its id", async () => {
      const { bus, url } = await see.place();
      publishAgent(bus, "a/b c?#", "first");
      publishAgent(bus, "日本", "second");
      const page = await see.visit(`${url}/#/run/${encodeURIComponent("a/b c?#")}`);
      await page.getByRole("heading", { name: "first" }).waitFor();
      await runs(page, /^second/).click();
      await page.getByRole("heading", { name: "second" }).waitFor();
      expect(page.url()).toBe(`${url}/#/run/${encodeURIComponent("日本")}`);
      await page.goBack();
      await page.getByRole("heading", { name: "first" }).waitFor();
    });

    it.each(["#/run/%", "#/run/a/b", "#run/r"])("nowhere by the address %s", async (hash) => {
      const { bus, url } = await see.place();
      publishAgent(bus, "r");
      const page = await see.visit(`${url}/${hash}`);
      await page.getByRole("heading", { name: "No such address" }).waitFor();
      await runs(page, /^guide/).waitFor();
      expect(page.url()).toBe(`${url}/${hash}`);
      await runs(page, /^guide/).click();
      await spans(page, /^tool trains, running/).waitFor();
    });

    it("by a link to a run that is still to begin", async () => {
      const { bus, url } = await see.place();
      const page = await see.visit(`${url}/#/run/tomorrow`);
      await page.getByText("as soon as it begins").waitFor();
      publishAgent(bus, "tomorrow");
      await spans(page, /^tool trains, running/).waitFor();
    });

    it.each(["/watch/here", "/watch/here/"])("at %s, below a base path", async (path) => {
      const { bus, url } = await see.place({ basePath: "/watch/here" });
      publishAgent(bus, "r");
      const page = await see.visit(url + path);
      await spans(page, /^tool trains, running/).waitFor();
    });
  });

  it("filters events by type and by words", async () => {
    const { bus, url } = await see.place();
    publishAgent(bus, "r");
    bus.publish({ runId: "r", type: "order.placed", data: { orderId: "A-17" } });
    const page = await see.visit(url);
    await events(page, /^order\.placed/).waitFor();
    const shown = () => page.locator("#event").getByRole("option").count();
    expect(await shown()).toBe(9);
    const tools = page.getByRole("button", { name: /^tool 3$/ });
    await tools.click();
    await expect.poll(shown).toBe(6);
    expect(await tools.getAttribute("aria-pressed")).toBe("false");
    await tools.click();
    await expect.poll(shown).toBe(9);
    await page.getByRole("searchbox", { name: "Filter events" }).fill("a-17");
    await expect.poll(shown).toBe(1);
  });

  it("finds runs", async () => {
    const { bus, url } = await see.place();
    for (const name of ["alpha", "beta", "gamma"]) publishAgent(bus, `run-of-${name}`, name);
    endAgent(bus, "run-of-beta");
    const page = await see.visit(url);
    await runs(page, /^gamma/).waitFor();
    await page.keyboard.press("/");
    await page.keyboard.type("completed");
    await expect.poll(() => page.locator("#run").getByRole("option").count()).toBe(1);
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "beta" }).waitFor();
    await page.keyboard.press("Escape");
    await expect.poll(() => page.locator("#run").getByRole("option").count()).toBe(3);
    await page.keyboard.type("no-such-run");
    await page.getByRole("button", { name: /Open no-such-run by its id/ }).click();
    await page.getByRole("heading", { name: "no-such-run" }).waitFor();
  });

  it("is used with the keyboard alone", async () => {
    const { bus, url } = await see.place();
    publishAgent(bus, "one", "first");
    publishAgent(bus, "two", "second");
    const page = await see.visit(`${url}/#/run/one`);
    await page.getByRole("heading", { name: "first" }).waitFor();
    await page.getByRole("listbox", { name: "Runs, newest first" }).focus();
    const other = await runs(page, /second/).getAttribute("aria-posinset");
    await page.keyboard.press(other === "1" ? "ArrowUp" : "ArrowDown");
    await page.getByRole("heading", { name: "second" }).waitFor();

    await page.getByRole("tree", { name: "Spans" }).focus();
    await page.keyboard.press("Home");
    const details = page.getByRole("complementary", { name: "Details" });
    await details.getByRole("heading", { name: "second" }).waitFor();
    await page.keyboard.press("ArrowDown");
    await page.keyboard.press("ArrowDown");
    await details.getByRole("group", { name: "Error" }).getByText("no answer").waitFor();
    expect(await spans(page, /flights/).getAttribute("aria-selected")).toBe("true");
    await page.keyboard.press("ArrowLeft");
    await details.getByRole("heading", { name: "second" }).waitFor();
    await page.keyboard.press("ArrowLeft");
    await expect.poll(() => page.getByRole("treeitem").count(), { message: "folded" }).toBe(1);
    await page.keyboard.press("ArrowRight");
    await expect.poll(() => page.getByRole("treeitem").count()).toBe(4);
    await page.keyboard.press("Escape");
    await expect.poll(() => details.count()).toBe(0);

    await page.getByRole("listbox", { name: "Events, oldest first" }).focus();
    await page.keyboard.press("Home");
    await details.getByRole("heading", { name: "agent.invocation.started" }).waitFor();
  });

  it("goes on with the keys where the details were, once they are closed", async () => {
    const { bus, url } = await see.place();
    publishAgent(bus, "r");
    const page = await see.visit(url);
    const details = page.getByRole("complementary", { name: "Details" });
    await spans(page, /^tool flights/).click();
    await page.getByRole("button", { name: "Close details" }).click();
    await expect.poll(() => details.count()).toBe(0);
    const tree = page.getByRole("tree", { name: "Spans" });
    const row = await spans(page, /^tool flights/).getAttribute("id");
    expect(await tree.evaluate((node) => node.matches(":focus"))).toBe(true);
    expect(await tree.getAttribute("aria-activedescendant")).toBe(row);
    await page.keyboard.press("Enter");
    await details.getByRole("heading", { name: "flights" }).waitFor();
    await page.keyboard.press("Escape");
    await expect.poll(() => details.count()).toBe(0);
    await page.keyboard.press("ArrowDown");
    await details.getByRole("heading", { name: "trains" }).waitFor();
  });

  it("passes runs with the keys without an entry in the history for each", async () => {
    const { bus, url } = await see.place();
    for (let index = 0; index < 9; index += 1) publishAgent(bus, `run-${index}`, `agent-${index}`);
    const page = await see.visit(url);
    await page.getByRole("listbox", { name: "Runs, newest first" }).focus();
    await runs(page, /^agent-0/).waitFor();
    await spans(page, /^tool trains, running/).waitFor();
    const entries = await page.evaluate("history.length");
    const last = page.locator("#run [aria-posinset='9']");
    for (const key of ["Home", "ArrowDown", "ArrowDown", "ArrowDown", "End"]) await page.keyboard.press(key);
    await expect.poll(() => last.getAttribute("aria-selected")).toBe("true");
    const label = (await last.getAttribute("aria-label")) ?? "";
    await page.getByRole("heading", { name: label.split(",")[0] ?? "", exact: true, level: 1 }).waitFor();
    expect(page.url()).toBe(`${url}/#/run/${label.split("run ").at(-1)}`);
    expect(await page.evaluate("history.length")).toBe(entries);
  });

  it("shows of a span what it was given and what came of it", async () => {
    const { bus, url } = await see.place();
    publishAgent(bus, "r");
    endAgent(bus, "r");
    const page = await see.visit(url);
    await spans(page, /^tool trains/).click();
    const details = page.getByRole("complementary", { name: "Details" });
    await details.getByText("19:40, 89 €").waitFor();
    await spans(page, /^tool flights/).click();
    await details.getByText('"to": "Oslo"').waitFor();
    await page.getByRole("button", { name: "Close details" }).click();
    await expect.poll(() => details.count()).toBe(0);
  });

  it("shows what a model says while it says it", async () => {
    const { bus, url } = await see.place();
    publishAgent(bus, "r");
    const model = { runId: "r", spanId: "talk", parentSpanId: "agent" };
    bus.publish({ ...model, type: "agent.model.started", data: { model: "talker" } });
    const page = await see.visit(url);
    await spans(page, /^model talker, running/).click();
    await page.getByRole("status", { name: "Connection" }).getByText("Live").waitFor();
    for (const text of ["Take ", "the train."]) bus.publish({ ...model, type: "agent.model.chunk", data: { text } });
    const details = page.getByRole("complementary", { name: "Details" });
    await details.getByText("Take the train.").waitFor();
    bus.publish({
      ...model,
      type: "agent.model.completed",
      data: { model: "talker", durationMillis: 9, output: "Fly." },
    });
    await details.getByText("Fly.").waitFor();
    expect(await details.getByText("Take the train.").count()).toBe(0);
  });

  it("has no room to scroll sideways, and shows details over the spans, where it is narrow", async () => {
    const { bus, url } = await see.place();
    publishAgent(bus, "r");
    const page = await see.visit(url, { viewport: { width: 420, height: 800 } });
    await spans(page, /^tool flights/).click();
    const details = await page.getByRole("complementary", { name: "Details" }).boundingBox();
    expect(details?.width).toBeGreaterThan(300);
    expect(await page.evaluate("document.documentElement.scrollWidth")).toBe(420);
  });

  it("shows each figure of the bus whole or not at all, however much room the connection leaves", async () => {
    see.forgive(/Failed to load resource|ERR_/);
    const place = await see.place();
    const page = await see.visit(place.url);
    const fitsAt = async (width: number): Promise<void> => {
      await page.setViewportSize({ width, height: 800 });
      const strip = await page.locator(".stats").boundingBox();
      const figures = await Promise.all((await page.locator(".stats > div").all()).map((each) => each.boundingBox()));
      const shown = figures.filter((figure) => figure && strip && figure.y < strip.y + strip.height);
      expect(shown[0], "events per second").toEqual(figures[0]);
      for (const figure of shown) expect(figure?.x, `${width} px`).toBeGreaterThanOrEqual(strip?.x ?? Number.NaN);
    };
    const connection = page.getByRole("status", { name: "Connection" });
    await connection.getByText("Live").waitFor();
    for (const width of [900, 1181, 1200, 1280]) await fitsAt(width);
    await place.goAway();
    await connection.getByText("Reconnecting").waitFor();
    for (const width of [900, 1181, 1200, 1280]) await fitsAt(width);
  });

  it.each([
    ["light", "rgb(244, 245, 248)"],
    ["dark", "rgb(13, 15, 20)"],
  ] as const)("is %s for those who want it so", async (colorScheme, ground) => {
    const { url } = await see.place();
    const page = await see.visit(url, { colorScheme });
    expect(await styleOf(page.locator("body"), "backgroundColor")).toBe(ground);
  });

  describe("where not everything is shared", () => {
    it("shows a run whose id is known, and says calmly what it may not", async () => {
      see.forgive(/status of 403/);
      const authorize = (_: Request, { scope, runId }: { scope: string; runId?: string | undefined }) =>
        scope === "page" || runId === "mine";
      const { bus, url } = await see.place({ authorize });
      publishAgent(bus, "mine");
      publishAgent(bus, "theirs");
      const page = await see.visit(url);
      await page.getByRole("heading", { name: "Which run?" }).waitFor();
      await page.getByText("The list of runs is not shared with you.").first().waitFor();
      await page.getByText("The figures of the bus are not shared with you.").waitFor();
      await page.getByRole("searchbox", { name: "Search runs" }).fill("mine");
      await page.keyboard.press("Enter");
      await spans(page, /^tool trains, running/).waitFor();
      await page.goto(`${url}/#/run/theirs`);
      await page.getByText("The endpoint does not let you read this.").waitFor();
    });

    it("asks for the list where the stream of all runs is not open", async () => {
      see.forgive(/status of 403/);
      const { bus, url } = await see.place({ authorize: (_, { scope }) => scope !== "global" });
      publishAgent(bus, "r");
      const page = await see.visit(url);
      await runs(page, /^guide, running/).waitFor();
      await page.getByText("1 run, asked for every few seconds").waitFor();
    });
  });

  it("reads nothing once nobody has it open", async () => {
    const { bus, url } = await see.place();
    publishAgent(bus, "r");
    const page = await see.visit(url);
    await spans(page, /^tool trains, running/).waitFor();
    expect(bus.stats().runSubscribers).toBe(1);
    await page.close();
    await expect.poll(() => bus.stats().runSubscribers + bus.stats().globalSubscribers).toBe(0);
  });

  it("holds no more than can be seen, of 200 runs and 5000 events", async () => {
    const { bus, url } = await see.place({}, { historyPerRun: 5000, maxHistoryBytes: 2 ** 28 });
    for (let index = 0; index < 199; index += 1) publishAgent(bus, `run-${index}`);
    for (let index = 0; index < 1000; index += 1) {
      const tool = { runId: "long", spanId: `t${index}`, data: { toolName: `tool-${index}`, durationMillis: 3 } };
      bus.publish({ ...tool, type: "agent.tool.started" });
      bus.publish({ ...tool, type: "agent.tool.completed" });
      publishNotes(bus, "long", 1, 3);
    }
    const page = await see.visit(`${url}/#/run/long`);
    await page.getByRole("heading", { name: "Events 5000" }).waitFor();
    await page.getByText("200 runs").waitFor();
    await events(page, /^note/).last().waitFor();
    expect(await page.locator("*").count()).toBeLessThan(1500);
    await page.getByRole("listbox", { name: "Events, oldest first" }).focus();
    await page.keyboard.press("Home");
    await events(page, /^agent\.tool\.started, .* tool-0 · 3 ms$/).waitFor();
    await page.keyboard.press("End");
    await expect.poll(() => page.locator("#event [aria-posinset='5000']").count()).toBe(1);
    await page.getByRole("tree", { name: "Spans" }).focus();
    await page.keyboard.press("End");
    await spans(page, /^tool tool-999/).waitFor();
    expect(await page.locator("*").count()).toBeLessThan(1500);
  });
});
