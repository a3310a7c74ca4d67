import { RedisError } from "./port/redis-error.js";

const FIRST_PAUSE_MILLIS = 50;
const LONGEST_PAUSE_MILLIS = 1000;

export interface Attempts {
  /** Told of each failure. */
  failed(error: unknown): void;
  /** Whether somebody still waits for it. */
  isNeeded(): boolean;
}

/** Tries until it succeeds. @throws RedisError when it is refused, or when nobody needs it any more. */
export async function patiently<T>(act: () => Promise<T>, { failed, isNeeded }: Attempts): Promise<T> {
  for (let pauseMillis = FIRST_PAUSE_MILLIS; ; pauseMillis = Math.min(pauseMillis * 2, LONGEST_PAUSE_MILLIS)) {
    try {
      return await act();
    } catch (error) {
      if (!isNeeded()) throw new RedisError("nobody waits for it any more", true, { cause: error });
      failed(error);
      if (!(error instanceof RedisError) || error.isFinal) throw error;
      await new Promise<void>((resolve) => {
        setTimeout(resolve, pauseMillis).unref();
      });
    }
  }
}
