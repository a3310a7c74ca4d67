import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { rows } from "../../dashboards/panels.js";
import { recordings } from "../../dashboards/rules.js";
import { hasRedis } from "../redis/redis-server.js";
import { expressionFor } from "./expression.js";
import { hasPrometheus } from "./prometheus.js";
import { type Observatory, observeScenarios, type Scenario } from "./scenarios.js";
import { quickened, shippedRules } from "./shipped-rules.js";

const timeoutMillis = 60_000;
const scenarios: readonly Scenario[] = ["calm", "overloaded"];
const panels = rows.flatMap((row) => row.panels);

/** Panels that show nothing but zeros while all is well, and more than zero when it is not. */
const troubles = new Set([
  "Lost",
  "Refused, last hour",
  "Readers rejected, last hour",
  "Errors, last hour",
  "Dropped",
  "Refused",
  "Errors and rejected readers",
  "Given up",
  "Lost by relays, last hour",
  "Lost by relays",
  "Gaps of remote readers",
  "Dropped by remote readers",
  "Tool failures",
  "Model failures",
  "Tool failures by tool",
]);

/** Queues that are read stay below the line at which the dashboard warns; those that are not are full. */
const queues = new Set(["Fullest queue", "Queue of the reader most behind"]);

/** Which bus of the overloaded service each alert is about. The calm service has none. */
const expectedAlerts: Readonly<Record<string, string>> = {
  SpanbusEventsDropped: "overloaded",
  SpanbusSubscribersRejected: "overloaded",
  SpanbusQueueNearlyFull: "overloaded",
  SpanbusSpansAbandoned: "overloaded",
  SpanbusErrors: "overloaded",
  SpanbusNoEvents: "stuck",
  SpanbusRelayLost: "overloaded",
  SpanbusOutboxNearlyFull: "stuck",
  SpanbusRelayLag: "stuck",
  SpanbusSourceEventsDropped: "overloaded",
};

describe.skipIf(!hasPrometheus() || !hasRedis())(
  "a real Prometheus that looks at a calm and at an overloaded service",
  () => {
    let observatory: Observatory;
    beforeAll(async () => {
      observatory = await observeScenarios(quickened(shippedRules()));
    }, timeoutMillis);
    afterAll(() => observatory?.stop());

    /** What an expression gives now, without what is no number. */
    async function valuesOf(expression: string, instance: Scenario): Promise<number[]> {
      const series = await observatory.prometheus.query(expressionFor(expression, { instance }));
      return series.flatMap(({ values }) => values.map(([, value]) => value)).filter((value) => Number.isFinite(value));
    }

    it.each(panels)("has data for the panel $title", { timeout: timeoutMillis }, async ({ title, queries }) => {
      for (const { expr } of queries) {
        let calm: number[] = [];
        let overloaded: number[] = [];
        await observatory.prometheus.until(
          `${title}: ${expr} has data in both services`,
          async () => {
            calm = await valuesOf(expr, "calm");
            overloaded = await valuesOf(expr, "overloaded");
            const shows = troubles.has(title) ? overloaded.some((value) => value > 0) : overloaded.length > 0;
            return shows && calm.length > 0;
          },
          30,
        );
        if (troubles.has(title)) expect(new Set(calm)).toEqual(new Set([0]));
        if (queues.has(title)) {
          expect(Math.max(...calm)).toBeLessThan(0.8);
          expect(Math.max(...overloaded)).toBe(1);
        }
      }
    });

    it.each(recordings)("has data for the recording $record", { timeout: timeoutMillis }, async ({ record, expr }) => {
      await observatory.prometheus.until(
        `${record} has data in both services`,
        async () => {
          const recorded = await Promise.all(
            scenarios.map((job) => observatory.prometheus.query(`{__name__="${record}",job="${job}"}`)),
          );
          return recorded.every((series) => series.some(({ values: [now] }) => Number.isFinite(now?.[1])));
        },
        30,
      );
      expect(await observatory.prometheus.query(expr)).not.toEqual([]);
    });

    it("loaded all rules of the shipped file, and can work them out", { timeout: timeoutMillis }, async () => {
      const { prometheus } = observatory;
      await prometheus.until("all rules were worked out", async () =>
        (await prometheus.rules()).every(({ health }) => health !== "unknown"),
      );
      const loaded = await prometheus.rules();
      expect(loaded.filter(({ health }) => health !== "ok")).toEqual([]);
      const named = (type: string) => loaded.filter((rule) => rule.type === type).map(({ name }) => name);
      expect(named("recording")).toEqual(recordings.map(({ record }) => record));
      expect(named("alerting").sort()).toEqual(Object.keys(expectedAlerts).sort());
    });

    it("fires every alert about the overloaded service, and none about the calm one", {
      timeout: timeoutMillis,
    }, async () => {
      const { prometheus } = observatory;
      const expected = Object.entries(expectedAlerts).map(([alert, bus]) => `${alert} overloaded/${bus}`);
      const heard = async (expression: string): Promise<string[]> => {
        const series = await prometheus.query(expression);
        const names = series.map(
          ({ metric: { alertname, instance, otel_component_name: bus } }) => `${alertname} ${instance}/${bus}`,
        );
        return [...new Set(names)].sort();
      };
      let firing: string[] = [];
      await prometheus
        .until(
          "all alerts fire",
          async () => {
            firing = await heard('ALERTS{alertstate="firing"}');
            return firing.length >= expected.length;
          },
          45,
        )
        .catch((error: unknown) => {
          throw new Error(`only these fire: ${firing.join(", ")}`, { cause: error });
        });
      expect(firing).toEqual(expected.sort());
      // Nothing else was ever about to fire.
      expect(await heard("count_over_time(ALERTS[1h])")).toEqual(expected);
      for (const { query } of (await prometheus.rules()).filter(({ type }) => type === "alerting")) {
        const instances = (await prometheus.query(query)).map(({ metric }) => metric["instance"]);
        expect(new Set(instances), query).toEqual(new Set(["overloaded"]));
      }
    });

    it("knows all panels that are named here", () => {
      const titles = new Set(panels.map(({ title }) => title));
      expect([...troubles, ...queues].filter((title) => !titles.has(title))).toEqual([]);
    });
  },
);
