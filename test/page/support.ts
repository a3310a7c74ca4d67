import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { getRequestListener } from "@hono/node-server";
import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import { EventBus, type EventBusOptions } from "spanbus";
import { createHandler, type HandlerOptions } from "spanbus/http";
import { afterAll, afterEach, expect } from "vitest";

type Handler = (request: Request) => Promise<Response>;

/** A bus behind a real server, which can go away and come back at the same address. */
export class Place {
  readonly bus: EventBus;
  readonly #listener: ReturnType<typeof getRequestListener>;
  #server: Server | undefined;
  #port = 0;

  private constructor(bus: EventBus, listener: ReturnType<typeof getRequestListener>) {
    this.bus = bus;
    this.#listener = listener;
  }

  /** `around`: what answers in place of the handler, and may ask it. */
  static async open(
    handler: Partial<HandlerOptions> = {},
    options: EventBusOptions = {},
    around: (handler: Handler) => Handler = (same) => same,
  ): Promise<Place> {
    const bus = new EventBus(options);
    const place = new Place(bus, getRequestListener(around(createHandler(bus, { authorize: () => true, ...handler }))));
    await place.comeBack();
    return place;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  async comeBack(): Promise<void> {
    this.#server = createServer(this.#listener).listen(this.#port, "127.0.0.1");
    await once(this.#server, "listening");
    this.#port = (this.#server.address() as AddressInfo).port;
  }

  /** Every connection is cut, and no new one is taken. */
  async goAway(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (!server) return;
    server.closeAllConnections();
    server.close();
    await once(server, "close");
  }

  async close(): Promise<void> {
    await this.goAway();
    await this.bus.shutdown();
  }
}

/** A page in a real Chromium. What it complains about is collected: a test at whose end there is something fails. */
export interface Visits {
  readonly isPossible: boolean;
  place(...options: Parameters<typeof Place.open>): Promise<Place>;
  visit(url: string, options?: BrowserContextOptions): Promise<Page>;
  /** Complaints that the test expects. */
  forgive(complaint: RegExp): void;
}

/** One browser for the tests of the file, a fresh profile for each of them. */
export function visits(browser: Browser | undefined): Visits {
  const closing: (() => Promise<void>)[] = [];
  let complaints: string[] = [];
  let forgiven: RegExp[] = [];

  afterEach(async () => {
    for (const close of closing.splice(0).reverse()) await close();
    const found = complaints.filter((text) => !forgiven.some((complaint) => complaint.test(text)));
    complaints = [];
    forgiven = [];
    expect(found, "what the browser complained about").toEqual([]);
  });
  afterAll(async () => {
    await browser?.close();
  });

  return {
    isPossible: browser !== undefined,
    place: async (...options) => {
      const place = await Place.open(...options);
      closing.push(() => place.close());
      return place;
    },
    visit: async (url, options) => {
      if (!browser) throw new Error("no Chromium");
      const profile = await browser.newContext({ viewport: { width: 1440, height: 900 }, ...options });
      closing.push(() => profile.close());
      const page = await profile.newPage();
      // Violations of the policy come over the console, too.
      page.on("console", (message) => {
        if (message.type() === "error" || message.type() === "warning") complaints.push(message.text());
      });
      page.on("pageerror", (error) => complaints.push(String(error)));
      page.on("dialog", async (dialog) => {
        complaints.push(`dialog: ${dialog.message()}`);
        await dialog.dismiss();
      });
      await page.goto(url);
      return page;
    },
    forgive: (complaint) => {
      forgiven.push(complaint);
    },
  };
}
