import { expect, it } from "vitest";
import { RecentPeak } from "../../src/redis/source/recent-peak.js";

const seconds = (count: number): number => 1000 * count;

it("the peak of the last minute is the largest of what came, and is over within a minute, also when nothing comes", () => {
  const peak = new RecentPeak();
  expect(peak.at(seconds(0))).toBe(0);
  peak.add(3, seconds(1));
  peak.add(8, seconds(10));
  peak.add(5, seconds(20));
  expect(peak.at(seconds(20))).toBe(8);
  expect(peak.at(seconds(39))).toBe(8);
  peak.add(2, seconds(45));
  expect(peak.at(seconds(45))).toBe(8);
  expect(peak.at(seconds(71))).toBe(2);
  expect(peak.at(seconds(71))).toBe(2);
  expect(peak.at(seconds(200))).toBe(0);
});

it("a clock that is behind makes no time negative", () => {
  const peak = new RecentPeak();
  peak.add(-4, seconds(1));
  expect(peak.at(seconds(1))).toBe(0);
});
