/** Something that Redis, or the client, did not do. `cause` has what the client said. */
export class RedisError extends Error {
  /** Trying again is no use: it was refused, or the client was closed. */
  readonly isFinal: boolean;

  constructor(message: string, isFinal: boolean, options?: ErrorOptions) {
    super(message, options);
    this.name = "RedisError";
    this.isFinal = isFinal;
  }
}

/** Answers with which a server says that it cannot do it now. */
const passing: ReadonlySet<string> = new Set([
  ...["BUSY", "CLUSTERDOWN", "LOADING", "MASTERDOWN", "MISCONF", "NOREPLICAS", "NOSCRIPT", "OOM", "READONLY"],
  ...["TRYAGAIN", "UNBLOCKED"],
]);

/** With this a server turns a connection away that is one too many. */
const isCrowded = /^ERR max number of clients/;

/** Names what was asked, and tells an answer that will stay from a connection that will come back. */
export function redisError(error: unknown, asked: string, isClosed: boolean): RedisError {
  if (error instanceof RedisError) return error;
  const message = error instanceof Error ? error.message : String(error);
  const code = codeOf(message);
  const isFinal = isClosed || (code !== undefined && !passing.has(code) && !isCrowded.test(message));
  return new RedisError(`${asked}: ${message.replace(/ script: [0-9a-f]{40}, on @user_script:\d+\.?/, "")}`, isFinal, {
    cause: error,
  });
}

/** Whether the server said so itself. */
export function isAnswer(error: unknown): boolean {
  return error instanceof Error && codeOf(error.message) !== undefined;
}

/** An answer of the server begins with a code; what a connection says does not. */
function codeOf(message: string): string | undefined {
  return /^([A-Z][A-Z0-9]+) /.exec(message)?.[1];
}
