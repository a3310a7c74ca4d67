import type { RedisPort } from "../port/redis-port.js";

/**
 * How long producers may need, once Redis is back, to say that they live: to connect again, and to try again what failed. An
 * outage that outlasts a lease is one in which they tried.
 */
const SETTLING_MILLIS = 5000;

/** An answer that takes longer waited for a connection. */
const SLOW_MILLIS = 1000;

/** Whether Redis has been there for long enough that silence of a producer means something. */
export class Steadiness {
  #troubledAt = Number.NEGATIVE_INFINITY;

  /** Redis did not answer, or messages may have been lost. */
  troubled(): void {
    this.#troubledAt = performance.now();
  }

  get isSteady(): boolean {
    return performance.now() - this.#troubledAt >= SETTLING_MILLIS;
  }

  /** The same port, of which slow answers and failures are noticed before they are told. */
  watch(port: RedisPort): Pick<RedisPort, "run" | "isClosed"> {
    return {
      get isClosed() {
        return port.isClosed;
      },
      run: async (...call) => {
        const askedAt = performance.now();
        try {
          return await port.run(...call);
        } catch (error) {
          this.troubled();
          throw error;
        } finally {
          if (performance.now() - askedAt > SLOW_MILLIS) this.troubled();
        }
      },
    };
  }
}
