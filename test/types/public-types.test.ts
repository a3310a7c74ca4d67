import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parse, walk } from "../project/syntax.js";
import { Consumer } from "./consumer.js";

/** Fails to compile where a type is not exactly the other one; `any` is exactly nothing but `any`. */
const exactly = `
  type Exactly<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
  export function is<A, B>(..._proof: Exactly<A, B> extends true ? [] : [never]): void {}
`;

describe("the built declarations", () => {
  let consumer: Consumer;
  beforeAll(async () => {
    consumer = await Consumer.create();
  }, 120_000);
  afterAll(() => consumer.remove());

  const compile = (source: string, options?: Parameters<Consumer["complaints"]>[1]) =>
    expect(consumer.complaints(source, options)).resolves;

  it("take data of every event for a record, which may be truncated, and know no `any` in batches", {
    timeout: 60_000,
  }, async () => {
    await compile(`
      ${exactly}
      import type { BusEvent, Subscription } from "spanbus";

      interface Order { readonly orderId: string }
      declare module "spanbus" {
        interface EventMap { "order.placed": Order }
      }
      export function tell(event: BusEvent): readonly [Readonly<Record<string, unknown>>, true | undefined] {
        return [event.data, event.data.truncated];
      }
      export const orderOf = (event: BusEvent) => (event.type === "order.placed" ? event.data.orderId : undefined);
      is<Awaited<ReturnType<ReturnType<Subscription["batches"]>["next"]>>, IteratorResult<readonly BusEvent[], undefined>>();
    `).toEqual([]);
  });

  it("need no library but es2022 and no types of Node", { timeout: 60_000 }, async () => {
    await compile(
      `
      import { EventBus, type Subscription, type Tap } from "spanbus";
      import { defaultConventions } from "spanbus/conventions";

      const bus = new EventBus({ conventions: defaultConventions, historyPerRun: 10 });
      export const tap: Tap = bus.tap((event) => void event.type);
      tap.close();
      export async function read(runId: string): Promise<number> {
        const events: Subscription = bus.subscribe(runId, { after: "live" });
        let seen = 0;
        for await (const event of events) seen += event.type === "bus.gap" ? event.data.missed : 1;
        for await (const batch of bus.subscribeGlobal().batches()) seen += batch.length;
        return seen;
      }
    `,
      { types: [] },
    ).toEqual([]);
  });

  it("know disposal where the library has it", { timeout: 60_000 }, async () => {
    await compile(
      `
      import { EventBus } from "spanbus";
      const bus = new EventBus();
      export async function read(): Promise<void> {
        using tap = bus.tap(() => {});
        await using events = bus.subscribe("r");
        for await (const event of events) void [event, tap];
      }
    `,
      { lib: ["es2022", "esnext.disposable", "dom"], types: [] },
    ).toEqual([]);
  });

  it("give runs to front ends and to tests without types of AG-UI, vitest or jest", { timeout: 60_000 }, async () => {
    await compile(`
      import { EventBus, type Outcome, type Subscription } from "spanbus";
      import { type AgUiEvent, toAgUi } from "spanbus/ag-ui";
      import type { Client } from "spanbus/client";
      import type { RedisEventSource } from "spanbus/redis";
      import { matchers, recordRun, waitFor } from "spanbus/testing";

      export async function read(client: Client, source: RedisEventSource): Promise<AgUiEvent[]> {
        const told: AgUiEvent[] = [];
        for (const subscription of [new EventBus().subscribe("r"), client.subscribe("r"), source.subscribe("r")]) {
          const name: string = (await waitFor(subscription, "agent.tool.started")).data.toolName;
          for await (const event of toAgUi(subscription, { runId: name })) {
            told.push(event);
            if (event.type === "TOOL_CALL_ARGS") void event.delta.length;
            if (event.type === "RUN_FINISHED") void event.usage?.[0]?.totalTokens;
          }
        }
        return told;
      }

      export async function test(): Promise<number | undefined> {
        const run = await recordRun(new EventBus(), async (runId) => runId.length);
        const outcome: Outcome = run.outcome;
        const { pass } = matchers.toHaveEnded(run, outcome);
        return pass ? run.result : undefined;
      }
    `).toEqual([]);
    await compile(`export { toAgUi } from "spanbus/ag-ui"; export { matchers } from "spanbus/testing";`, {
      types: [],
    }).toEqual([]);
  });

  it("take the AbortSignal of the browser and of Node", { timeout: 60_000 }, async () => {
    const source = `
      import { EventBus } from "spanbus";
      new EventBus().subscribe("r", { signal: AbortSignal.timeout(5) });
      new EventBus().subscribeGlobal({ signal: new AbortController().signal });
    `;
    await compile(source, { lib: ["es2022", "dom"], types: [] }).toEqual([]);
    await compile(source).toEqual([]);
  });

  it("tell events apart by their type", { timeout: 60_000 }, async () => {
    await compile(`
      import type { BusEvent, ErrorData, Outcome } from "spanbus";
      ${exactly}
      export function read(event: BusEvent): void {
        if (event.type === "agent.tool.failed") {
          is<typeof event.data.toolName, string>();
          is<typeof event.data.error, ErrorData>();
          is<typeof event.data.durationMillis, number>();
          is<typeof event.seq, number>();
          // @ts-expect-error: what only a model call has
          void event.data.finishReason;
        }
        if (event.type === "agent.terminate") is<typeof event.data.reason, Outcome>();
        if (event.type === "agent.tokens.used") is<typeof event.data.inputTokens, number | undefined>();
        if (event.type === "bus.run.closed") is<typeof event.data.outcome, Outcome>();
        if (event.type === "bus.gap") is<typeof event.data.reason, "lagged" | "evicted" | "generation" | "cut">();
        // @ts-expect-error: no such event
        if (event.type === "agent.tool.finished") void event;
      }
    `).toEqual([]);
  });

  it("let users add events of their own by declaration merging", { timeout: 60_000 }, async () => {
    await compile(`
      import { type BusEvent, EventBus } from "spanbus";
      ${exactly}
      declare module "spanbus" {
        interface EventMap {
          "order.placed": { orderId: string; total: number };
        }
      }
      export function read(event: BusEvent): void {
        if (event.type === "order.placed") {
          is<typeof event.data, Readonly<{ orderId: string; total: number }> & { readonly truncated?: true }>();
          is<typeof event.seq, number>();
        }
        if (event.type === "agent.tool.started") is<typeof event.data.toolName, string>();
      }
      const bus = new EventBus();
      bus.emit("order.placed", { orderId: "7", total: 1 });
      bus.emit("anything.else");
      bus.tap({ event: read });
    `).toEqual([]);
  });

  it("refuse such an event type where nobody added it", { timeout: 60_000 }, async () => {
    const complaints = await consumer.complaints(`
      import type { BusEvent } from "spanbus";
      export const isOrder = (event: BusEvent) => event.type === "order.placed";
    `);
    expect(complaints).toHaveLength(1);
    expect(complaints[0]).toContain("TS2367");
  });

  it("are read-only in events and figures", { timeout: 60_000 }, async () => {
    await compile(`
      import type { BusEvent, BusStats, RunInfo } from "spanbus";
      export function write(event: BusEvent, run: RunInfo, stats: BusStats): void {
        // @ts-expect-error
        event.runId = "x";
        // @ts-expect-error
        run.outcome = "failed";
        // @ts-expect-error
        run.traceIds.push("x");
        // @ts-expect-error
        stats.published = 0;
        if (event.type === "agent.tool.started") {
          // @ts-expect-error
          event.data.toolName = "x";
        }
      }
    `).toEqual([]);
  });

  it("keep what a function returns and the id of its run", { timeout: 60_000 }, async () => {
    await compile(`
      import { EventBus, runContext } from "spanbus";
      ${exactly}
      const bus = new EventBus();
      const text = bus.run((runId) => { is<typeof runId, string>(); return "text"; });
      const promise = bus.run("r", async () => 7);
      const bound = runContext("r", () => true, { propagate: true });
      is<typeof text, string>();
      is<typeof promise, Promise<number>>();
      is<typeof bound, boolean>();
    `).toEqual([]);
  });

  it("refuse options that do not exist and values that are not allowed", { timeout: 60_000 }, async () => {
    await compile(`
      import { EventBus } from "spanbus";
      // @ts-expect-error
      new EventBus({ maxHistory: 1 });
      // @ts-expect-error
      new EventBus({ content: "some" });
      // @ts-expect-error
      new EventBus({ include: "none" });
      // @ts-expect-error: a redactor is synchronous
      new EventBus({ redact: async (draft) => draft });
      // An option may be given as undefined: then it has its default.
      new EventBus({ maxRuns: undefined });
      // @ts-expect-error: the global stream has no history
      new EventBus().subscribeGlobal({ after: "live" });
      // @ts-expect-error
      new EventBus().closeStream("r", "done");
    `).toEqual([]);
  });

  it("give away no any", { timeout: 60_000 }, async () => {
    await compile(`
      import type { BusEvent, EventBus, EventInput, RunInfo, Subscription } from "spanbus";
      type IsAny<T> = 0 extends 1 & T ? true : false;
      type AnyIn<T> = IsAny<T> extends true ? "itself" : { [K in keyof T]-?: IsAny<T[K]> extends true ? K : never }[keyof T];
      type Never<T extends never> = T;
      type Results = { [K in keyof EventBus]: EventBus[K] extends (...args: never[]) => infer R ? R : never };
      type Arguments = { [K in keyof EventBus]: Parameters<Extract<EventBus[K], (...args: never[]) => unknown>>[0] };
      export type Proof = [
        Never<AnyIn<EventBus>>,
        Never<AnyIn<Results>>,
        Never<AnyIn<Arguments>>,
        Never<AnyIn<BusEvent>>,
        Never<AnyIn<BusEvent["data"]>>,
        Never<AnyIn<EventInput>>,
        Never<AnyIn<RunInfo>>,
        Never<AnyIn<Subscription>>,
        Never<AnyIn<Awaited<ReturnType<Subscription["next"]>>>>,
        Never<AnyIn<Awaited<Subscription["ended"]>>>,
      ];
    `).toEqual([]);
  });

  it("have no any written in them, nor anything that is internal", () => {
    const files = readdirSync(consumer.declarations, { recursive: true, encoding: "utf8" });
    const written = files.filter((file) => file.endsWith(".d.ts"));
    expect(written).toContain("index.d.ts");
    for (const file of written) {
      const source = readFileSync(join(consumer.declarations, file), "utf8");
      const found = [...walk(parse(source, "ts"))].filter(({ type }) => type === "TSAnyKeyword");
      expect([file, found.map(({ start }) => source.slice(start - 40, start + 10))]).toEqual([file, []]);
    }
    expect(readFileSync(join(consumer.declarations, "otel/event-bus.d.ts"), "utf8")).not.toContain("isShutdown");
  });
});
