/**
 * Makes docs/dashboard.png: `npm run picture`. Two services with agents, one calm and one overloaded, are scraped by a real
 * Prometheus; the panels of dashboards/grafana-spanbus.json are asked of it, and drawn as Grafana lays them out.
 */
import { stat } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { type Browser, chromium } from "playwright-core";
import { observeScenarios } from "../test/prometheus/scenarios.js";
import { type Drawing, drawingOf, panelsOf } from "./dashboard-picture/drawing.js";

const SECONDS = 90;
const WIDTH = 1600;
const CHROMIUM = process.env.CHROMIUM ?? "/usr/bin/chromium";
const picture = fileURLToPath(new URL("../docs/dashboard.png", import.meta.url));

console.log(`Gathering ${SECONDS} s of data …`);
const drawing = await gather();
await draw(drawing);
const { size } = await stat(picture);
console.log(`docs/dashboard.png, ${Math.round(size / 1024)} KiB`);

async function gather(): Promise<Drawing> {
  const { prometheus, stop } = await observeScenarios();
  try {
    await prometheus.until(
      "there is enough data",
      async () => {
        const scrapes = await prometheus.query(`count_over_time(up[${2 * SECONDS}s])`);
        return scrapes.length === 2 && scrapes.every(({ values: [last] }) => last !== undefined && last[1] >= SECONDS);
      },
      SECONDS + 60,
    );
    const end = Math.floor(Date.now() / 1000) - 1;
    // The first seconds have no rates yet.
    return await drawingOf(prometheus, panelsOf(), { start: end - SECONDS + 10, end });
  } finally {
    await stop();
  }
}

async function draw(data: Drawing): Promise<void> {
  const file = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
  const browser: Browser = await chromium.launch({ executablePath: CHROMIUM });
  try {
    const page = await browser.newPage({ viewport: { width: WIDTH, height: 1000 } });
    page.on("pageerror", (error) => console.error(error));
    await page.setContent("<!doctype html><title>spanbus</title><main></main>");
    await page.addStyleTag({ path: file("dashboard-picture/page.css") });
    await page.addScriptTag({ path: file("../node_modules/chart.js/dist/chart.umd.min.js") });
    await page.addScriptTag({ path: file("dashboard-picture/page.js") });
    await page.evaluate(`draw(${JSON.stringify(data)})`);
    await page.screenshot({ path: picture, fullPage: true });
  } finally {
    await browser.close();
  }
}
