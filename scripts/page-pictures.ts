/**
 * Takes the pictures of the live page in docs/: real agents (Vercel AI SDK with a scripted model) on a real bus, the page in
 * a real Chromium, once while the run is under way and once when it is over.
 */
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { getRequestListener } from "@hono/node-server";
import { context, trace } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import { BasicTracerProvider } from "@opentelemetry/sdk-trace-base";
import { generateText, simulateReadableStream, stepCountIs, streamText, type ToolSet, tool } from "ai";
import { MockLanguageModelV3 } from "ai/test";
import { chromium } from "playwright-core";
import { EventBus } from "spanbus";
import { createHandler } from "spanbus/http";
import { z } from "zod";
import { dispatch } from "../examples/agent.js";
import { scriptedModel } from "../examples/model/scripted.js";
import { chromiumPath, launchArguments } from "../test/page/browser.js";

/** What the model says in its turns, one after the other. */
interface Turn {
  readonly millis: number;
  readonly text?: string;
  readonly calls?: readonly (readonly [toolName: string, input: object])[];
  readonly fails?: string;
}

const bus = new EventBus();
trace.setGlobalTracerProvider(new BasicTracerProvider({ spanProcessors: [bus] }));
context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());

const server = createServer(getRequestListener(createHandler(bus, { authorize: () => true })));
server.listen(0, "127.0.0.1");
await once(server, "listening");
const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;

const path = chromiumPath();
if (path === undefined) throw new Error("no Chromium is installed: there is nothing to take pictures with");
const browser = await chromium.launch({ executablePath: path, args: launchArguments() });
const view = { width: 1440, height: 900 };

// The figures at the top need some past, and the list some company.
const crowd = travellers();
const page = await browser.newPage({ viewport: view, colorScheme: "light" });
await page.goto(`${url}#/run/briefing-0714`);
await sleep(45_000);
const others = [support(), invoices(), nightShift()];
const briefing = bus.run("briefing-0714", () => writeBriefing());
await pagesAreRead();
await sleep(330);
await page.screenshot({ path: fileURLToPath(new URL("../docs/page-light.png", import.meta.url)) });

await briefing;
await page.emulateMedia({ colorScheme: "dark" });
await page.getByRole("treeitem", { name: /^tool search_archive/ }).click();
await page.mouse.wheel(0, -2000);
await page.getByRole("treeitem", { name: /^agent briefing-editor/ }).waitFor();
await page.screenshot({ path: fileURLToPath(new URL("../docs/page-dark.png", import.meta.url)) });

await browser.close();
await crowd.leave();
server.closeAllConnections();
server.close();
await Promise.allSettled(others);
await bus.shutdown();

/** Both pages of the researcher are being read. */
async function pagesAreRead(): Promise<void> {
  let pages = 0;
  for await (const event of bus.subscribe("briefing-0714", { types: ["agent.tool.started"] })) {
    if (event.type === "agent.tool.started" && event.data.toolName === "read_page") pages += 1;
    if (pages === 2) return;
  }
}

/** An editor that sends two researchers off at once, reads what they bring, and writes. */
async function writeBriefing(): Promise<void> {
  const researcher = (topic: string, turns: readonly Turn[]) =>
    generateText({
      model: model("gpt-5-mini", turns),
      tools: {
        search_web: tool({
          inputSchema: z.object({ query: z.string() }),
          execute: async ({ query }) => {
            await sleep(420 + query.length * 9);
            return `Seven results for “${query}”, newest first.`;
          },
        }),
        search_archive: tool({
          inputSchema: z.object({ query: z.string(), from: z.number() }),
          execute: async (): Promise<string> => {
            await sleep(760);
            throw new Error("the archive did not answer within 750 ms");
          },
        }),
        read_page: tool({
          inputSchema: z.object({ url: z.string() }),
          execute: async ({ url: address }) => {
            await sleep(address.length * 14);
            return `${address}: 4 212 words.`;
          },
        }),
      },
      prompt: `Find out about ${topic}.`,
      stopWhen: stepCountIs(6),
      maxRetries: 0,
      experimental_telemetry: { isEnabled: true, functionId: "researcher" },
    });
  const result = streamText({
    model: model("gpt-5", [
      {
        millis: 620,
        calls: [
          ["delegate", { topic: "battery prices" }],
          ["delegate", { topic: "grid storage" }],
          ["get_style_guide", { section: "briefings" }],
        ],
      },
      { millis: 900, text: `${"Battery prices fell again this spring, and storage follows them. ".repeat(5)}` },
    ]),
    tools: {
      delegate: tool({
        inputSchema: z.object({ topic: z.string() }),
        execute: async ({ topic }) =>
          (
            await researcher(
              topic,
              topic === "battery prices"
                ? [
                    { millis: 480, calls: [["search_web", { query: "battery pack price 2026" }]] },
                    {
                      millis: 520,
                      calls: [
                        ["read_page", { url: "https://energy.example/packs" }],
                        ["read_page", { url: "https://metals.example/lithium/spot-prices" }],
                      ],
                    },
                    { millis: 560, text: "Packs are at 98 $/kWh, down 11 % in a year." },
                  ]
                : [
                    { millis: 390, calls: [["search_archive", { query: "grid storage", from: 2019 }]] },
                    { millis: 440, calls: [["search_web", { query: "grid storage capacity added" }]] },
                    { millis: 500, text: "41 GWh were added in the first half of the year." },
                  ],
            )
          ).text,
      }),
      get_style_guide: tool({
        inputSchema: z.object({ section: z.string() }),
        execute: async () => {
          await sleep(140);
          return "Short sentences. Numbers with their units.";
        },
      }),
    },
    prompt: "Write the morning briefing about energy storage.",
    stopWhen: stepCountIs(4),
    experimental_telemetry: { isEnabled: true, functionId: "briefing-editor" },
  });
  await result.text;
}

/** A ticket that is answered in one go, with a look into the orders. */
function support(): Promise<unknown> {
  return bus.run("ticket-48213", () =>
    simple("support-agent", "claude-sonnet-4", [
      { millis: 900, calls: [["find_order", { order: "A-1077" }]] },
      { millis: 700, text: "Your parcel left the warehouse this morning." },
    ]),
  );
}

/** One whose model gives up. */
async function invoices(): Promise<unknown> {
  try {
    return await bus.run("invoice-2291", () =>
      simple("invoice-checker", "gpt-5-mini", [
        { millis: 500, calls: [["find_order", { order: "unpaid" }]] },
        { millis: 800, fails: "the model is overloaded, try again later" },
      ]),
    );
  } catch {
    return undefined;
  }
}

/** One that takes long. */
function nightShift(): Promise<unknown> {
  return bus.run("night-shift", () =>
    simple("log-watcher", "llama-4-scout", [{ millis: 34_000, text: "Nothing to report." }]),
  );
}

/** Travellers who come one after the other, until they are told to stay away. */
function travellers(): { leave(): Promise<void> } {
  const towns = ["Rome", "Lisbon", "Oslo", "Prague", "Vienna"];
  const leaving = new AbortController();
  const trips: Promise<unknown>[] = [];
  const coming = (async () => {
    for (let index = 0; !leaving.signal.aborted; index += 1) {
      const { model: travelModel } = scriptedModel({ delayMillis: 300 + 170 * (index % 4) });
      const trip = { from: "Berlin", to: towns[index % towns.length] ?? "Rome" };
      trips.push(bus.run(`trip-${4101 + index}`, () => dispatch(travelModel, trip, { stream: index % 2 === 0 })));
      await sleep(1400 + 700 * (index % 3), undefined, { signal: leaving.signal }).catch(() => undefined);
    }
  })();
  return {
    leave: async () => {
      leaving.abort();
      await coming;
      await Promise.all(trips);
    },
  };
}

function simple(functionId: string, modelId: string, turns: readonly Turn[]): Promise<unknown> {
  const tools: ToolSet = {
    find_order: tool({
      inputSchema: z.object({ order: z.string() }),
      execute: async ({ order }) => {
        await sleep(260);
        return { order, state: "shipped" };
      },
    }),
  };
  return generateText({
    model: model(modelId, turns),
    tools,
    prompt: "Go on.",
    stopWhen: stepCountIs(4),
    maxRetries: 0,
    experimental_telemetry: { isEnabled: true, functionId },
  });
}

function model(modelId: string, turns: readonly Turn[]): MockLanguageModelV3 {
  let turn = 0;
  const next = async () => {
    const { millis, text = "", calls = [], fails } = turns[turn] ?? { millis: 0 };
    turn += 1;
    await sleep(millis);
    if (fails !== undefined) throw new Error(fails);
    const requests = calls.map(([toolName, input], index) => ({
      type: "tool-call" as const,
      toolCallId: `call-${turn}-${index}`,
      toolName,
      input: JSON.stringify(input),
    }));
    const finishReason = { unified: text ? ("stop" as const) : ("tool-calls" as const), raw: undefined };
    const usage = {
      inputTokens: { total: 612 * turn + 87, noCache: undefined, cacheRead: undefined, cacheWrite: undefined },
      outputTokens: {
        total: 24 + Math.ceil(text.length / 4) + 31 * calls.length,
        text: undefined,
        reasoning: undefined,
      },
    };
    return { text, requests, finishReason, usage };
  };
  return new MockLanguageModelV3({
    provider: "scripted",
    modelId,
    doGenerate: async () => {
      const { text, requests, finishReason, usage } = await next();
      const content = [...(text ? [{ type: "text" as const, text }] : []), ...requests];
      return { content, finishReason, usage, warnings: [] };
    },
    doStream: async () => {
      const { text, requests, finishReason, usage } = await next();
      const words = text.split(/(?<= )/).filter(Boolean);
      return {
        stream: simulateReadableStream({
          chunkDelayInMs: 60,
          chunks: [
            { type: "stream-start" as const, warnings: [] },
            ...(text ? [{ type: "text-start" as const, id: "text" }] : []),
            ...words.map((delta) => ({ type: "text-delta" as const, id: "text", delta })),
            ...(text ? [{ type: "text-end" as const, id: "text" }] : []),
            ...requests,
            { type: "finish" as const, finishReason, usage },
          ],
        }),
      };
    },
  });
}
