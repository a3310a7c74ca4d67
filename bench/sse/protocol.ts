/** What the server's process asks of the one that has the clients. Each is answered once, `Rounds` again and again. */
export type Command =
  /** Connects so many clients, of which the first `stalled` stop reading at once. */
  | { readonly do: "connect"; readonly clients: number; readonly stalled?: number }
  /** From now on tells each time that every client that reads has so many events more. */
  | { readonly do: "rounds"; readonly events: number }
  /** Answers with the numbers of the events that each of them got. */
  | { readonly do: "numbers" }
  /** Resumes so often, one after the other, each time until there are so many events. Answers with the milliseconds. */
  | { readonly do: "resume"; readonly times: number; readonly events: number; readonly after: string }
  /** The first client reads on until it knows of so many events, gaps included. Answers with both. */
  | { readonly do: "release"; readonly events: number };

export type Answer =
  | { readonly did: "connect" | "rounds" | "round" }
  | { readonly did: "numbers"; readonly numbers: readonly (readonly number[])[] }
  | { readonly did: "resume"; readonly millis: readonly number[] }
  | { readonly did: "release"; readonly received: number; readonly missed: number };
