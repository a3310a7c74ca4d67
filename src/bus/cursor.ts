/** The place of an event in a run: what an event id says. */
export interface Cursor {
  readonly generation: string;
  readonly seq: number;
}

/** In characters. */
export const MAX_ID_LENGTH = 64 + 1 + 16;

export function eventId(generation: string, seq: number | ""): string {
  return `${generation}.${seq}`;
}

export function parseCursor(id: string): Cursor | undefined {
  const parts = /^([0-9a-z-]{1,64})\.(0|[1-9][0-9]{0,15})$/.exec(id);
  return parts?.[1] === undefined ? undefined : { generation: parts[1], seq: Number(parts[2]) };
}
