import { defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";
import whole from "../../vitest.config.js";
import { type Part, type PartName, parts } from "./parts.js";

/** A mutant is dead at the first failure: tests that take long come last. */
const slow = ["any-order", "promise-8-", "promise-2-event-size", "promise-2-memory", "test/model/"];

class QuickFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification): number => slow.findIndex((name) => moduleId.includes(name));
    return files.sort((a, b) => rank(a) - rank(b) || a.moduleId.localeCompare(b.moduleId));
  }
}

const { tests }: Part = parts[(process.env["MUTANTS_PART"] ?? "bus") as PartName];

export default defineConfig({
  resolve: whole.resolve ?? {},
  test: {
    include: tests.map((glob) => `test/${glob}.test.ts`),
    exclude: [
      // It starts processes, which no mutant would reach.
      "test/bus/promise-5-process.test.ts",
      // It needs a process to itself.
      "test/otel/silenced-exporter.test.ts",
    ],
    // Programs against the model: always the same, and few.
    env: { FC_RUNS: "12", FC_SEED: "1" },
    // One process for all, which starts in a tenth of the time.
    isolate: false,
    runner: "test/mutants/runner.ts",
    sequence: { sequencer: QuickFirst },
    testTimeout: 4000,
  },
});
