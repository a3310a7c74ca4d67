import { describe, expect, it } from "vitest";
import { type Workload, workloads } from "../../bench/check/workloads.js";

describe("what is looked at for having got slower", () => {
  it.each(Object.entries<Workload>(workloads))(
    "%s shows that it does its work, also the limit of it",
    async (_, each) => {
      expect(each.operations).toBeGreaterThan(0);
      for (const work of [each.prepare(), each.limit()]) {
        await work();
        await work();
      }
    },
  );
});
