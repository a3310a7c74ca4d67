import { basename } from "node:path";
import { EventBus } from "spanbus";
import type { AgUiEvent } from "spanbus/ag-ui";
import { describe, expect, it } from "vitest";
import { recordings } from "../conventions/recording.js";
import { replay } from "../conventions/replay.js";
import { broken } from "./protocol.js";
import { readAll } from "./support.js";

/** The runs of a recording as a front end sees them. */
async function runsOf(path: string): Promise<AgUiEvent[][]> {
  const bus = new EventBus({ content: "full" });
  await replay(path, bus);
  await bus.shutdown();
  return Promise.all(bus.runs().map(({ runId }) => readAll(bus.subscribe(runId))));
}

/** What each agent said. */
function wordsOf(events: readonly AgUiEvent[]): [agent: string, words: string][] {
  return events.flatMap((event) =>
    event.type === "TEXT_MESSAGE_CONTENT" ? [[event.subagentRunId ?? "", event.delta]] : [],
  );
}

describe.each(recordings.map((path) => [basename(path, ".jsonl"), path]))("what %s recorded", (_, path) => {
  it("becomes valid runs, in which each answer is told once, in words", async () => {
    const runs = await runsOf(path);
    expect(runs.length).toBeGreaterThan(0);
    for (const events of runs) {
      expect(broken(events)).toEqual([]);
      const words = wordsOf(events);
      expect(new Set(words.map(String)).size).toBe(words.length);
      // What the recorded model says; one recording was told to answer in JSON.
      for (const [, each] of words) expect(each).toMatch(/^Final answer \d+|^\{"tool":"get_weather"\}$/);
    }
  });
});
