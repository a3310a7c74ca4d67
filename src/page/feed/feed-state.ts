import { EndpointError } from "../../client/index.js";

/**
 * How a feed stands. `waiting`: the first answer is not there yet. `lost`: it is being made again. `refused`: the endpoint
 * does not give it to this page. `over`: there is no more to come.
 */
export interface FeedState {
  readonly kind: "waiting" | "live" | "lost" | "refused" | "over";
  /** Why it is refused. */
  readonly says?: string;
}

/** What an error of the endpoint means for people. */
export function refusal(error: unknown): FeedState {
  const status = error instanceof EndpointError ? error.status : undefined;
  const says =
    status === 401
      ? "The endpoint wants you to sign in."
      : status === 403
        ? "The endpoint does not let you read this."
        : status === 400
          ? "This is no run id."
          : error instanceof Error
            ? error.message
            : String(error);
  return { kind: "refused", says };
}
