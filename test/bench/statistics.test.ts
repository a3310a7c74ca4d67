import { describe, expect, it } from "vitest";
import { exponent, median, quantile } from "../../bench/harness/statistics.js";

describe("the statistics of the benchmarks", () => {
  it("have the middle of values in any order", () => {
    expect(median([9, 1, 5])).toBe(5);
    expect(median([4, 1, 3, 2])).toBe(2.5);
    expect(quantile([1, 2, 3, 4, 5], 0.75)).toBe(4);
  });

  it("say with which power a cost grows", () => {
    const sizes = [1, 10, 100, 1000];
    expect(exponent(sizes.map((size) => ({ size, cost: 7 })))).toBeCloseTo(0);
    expect(exponent(sizes.map((size) => ({ size, cost: 3 * size })))).toBeCloseTo(1);
    expect(exponent(sizes.map((size) => ({ size, cost: size ** 2 / 5 })))).toBeCloseTo(2);
  });
});
