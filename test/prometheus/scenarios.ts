import { type Program, startScript } from "./program.js";
import { Prometheus } from "./prometheus.js";

export type Scenario = "calm" | "overloaded";

/** Services with agents at work, each a `job` and an `instance` of its own, and the Prometheus that looks at them. */
export interface Observatory {
  readonly prometheus: Prometheus;
  stop(): Promise<void>;
}

/** Starts a calm and an overloaded service and a Prometheus. @param rules Text of a rules file. */
export async function observeScenarios(rules?: string): Promise<Observatory> {
  const start = (scenario: Scenario): Promise<Program> =>
    startScript("test/prometheus/programs/service.ts", [scenario]);
  const [calm, overloaded] = await Promise.all([start("calm"), start("overloaded")]);
  const targets = [
    { name: "calm", url: calm.url },
    { name: "overloaded", url: overloaded.url },
  ];
  const stopServices = async (): Promise<void> => {
    await Promise.all([calm.stop(), overloaded.stop()]);
  };
  try {
    const prometheus = await Prometheus.start(targets, rules);
    const stop = async (): Promise<void> => {
      await prometheus.stop();
      await stopServices();
    };
    return { prometheus, stop };
  } catch (error) {
    await stopServices();
    throw error;
  }
}
