/** What every server sends: about 400 bytes of JSON with all that is in an event. */
export interface SentEvent {
  readonly id: string;
  readonly runId: string;
  readonly seq: number;
  readonly type: string;
  readonly time: number;
  readonly data: { readonly n: number; readonly toolName: string; readonly result: string };
}

export const RUN = "run";
export const TYPE = "agent.tool.completed";
const result = "It rains in Paris. ".repeat(13);

export function dataOf(n: number): SentEvent["data"] {
  return { n, toolName: "get_weather", result };
}

/** An event as a server makes it that has no bus. */
export function eventOf(n: number): SentEvent {
  return { id: `generation.${n}`, runId: RUN, seq: n, type: TYPE, time: 1_764_288_000_000 + n, data: dataOf(n) };
}

export function frameOf(event: SentEvent): string {
  return `id: ${event.id}\ndata: ${JSON.stringify(event)}\n\n`;
}

/** Stands once in every event. */
export const MARK = '"n":';
