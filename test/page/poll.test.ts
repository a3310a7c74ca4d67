import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { Poll } from "../../src/page/feed/poll.js";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

it("asks at most once a second, however often there is a reason, and once more for the last of them", async () => {
  const asked: number[] = [];
  const poll = new Poll(
    async () => {
      asked.push(performance.now());
    },
    4000,
    () => {},
  );
  poll.resume();
  for (let reasons = 0; reasons < 500; reasons += 1) {
    poll.soon();
    await vi.advanceTimersByTimeAsync(10);
  }
  const last = performance.now();
  poll.soon();
  await vi.advanceTimersByTimeAsync(3000);
  poll.pause();
  const between = asked.slice(1).map((at, index) => at - (asked[index] ?? 0));
  expect(between.length).toBeGreaterThanOrEqual(5);
  expect(Math.min(...between)).toBeGreaterThanOrEqual(1000);
  expect(asked.some((at) => at >= last)).toBe(true);
});

it("asks again every so often when there is no reason, and not while it is paused", async () => {
  let asked = 0;
  const poll = new Poll(
    async () => {
      asked += 1;
    },
    4000,
    () => {},
  );
  poll.resume();
  await vi.advanceTimersByTimeAsync(8000);
  expect(asked).toBe(3);
  poll.pause();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(asked).toBe(3);
});
