import type { BusEvent } from "spanbus";

interface Said {
  readonly type: string;
  readonly spanId?: string;
  readonly parentSpanId?: string;
  readonly time?: number;
  readonly data?: object;
}

/** Events of one run as an endpoint sends them: numbered, a millisecond apart unless they say otherwise. */
export function told(said: readonly Said[], runId = "r"): BusEvent[] {
  return said.map(({ type, time, data = {}, ...ids }, index) => {
    const seq = type.startsWith("bus.") ? {} : { seq: index + 1 };
    const event = { id: `g.${index + 1}`, runId, ...seq, type, time: time ?? 1000 + index, data, ...ids };
    return event as unknown as BusEvent;
  });
}

export function started(
  operation: string,
  spanId: string,
  parentSpanId?: string,
  data: object = {},
  time?: number,
): Said {
  return said(`agent.${operation}.started`, spanId, parentSpanId, data, time);
}

export function completed(operation: string, spanId: string, data: object = {}, time?: number): Said {
  return said(`agent.${operation}.completed`, spanId, undefined, data, time);
}

export function failed(operation: string, spanId: string, message: string, time?: number): Said {
  return said(`agent.${operation}.failed`, spanId, undefined, { error: { type: "Error", message } }, time);
}

function said(type: string, spanId: string, parentSpanId: string | undefined, data: object, time?: number): Said {
  return {
    type,
    spanId,
    data,
    ...(parentSpanId !== undefined && { parentSpanId }),
    ...(time !== undefined && { time }),
  };
}
