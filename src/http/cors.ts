/** Names of headers as RFC 9110 writes them, separated by commas. */
const headerNames = /^[\w!#$%&'*+.^`|~-]+(?:[ \t]*,[ \t]*[\w!#$%&'*+.^`|~-]+)*$/;
const knownHeaders = "Authorization, Cache-Control, Last-Event-ID";

/** What a browser may be told of answers to pages of other origins. */
export class Cors {
  readonly #origins: "*" | readonly string[];

  constructor(origins: "*" | readonly string[]) {
    this.#origins = origins;
  }

  /** Pages of some other origin may read. */
  get admitsAny(): boolean {
    return this.#origins.length > 0;
  }

  /** Adds what the request's origin may see. `Vary` also for those that may not: a cache must not mix them up. */
  admit(request: Request, headers: Headers): void {
    if (this.#origins.length === 0) return;
    const origin = request.headers.get("Origin");
    if (this.#origins === "*") headers.set("Access-Control-Allow-Origin", "*");
    else {
      headers.append("Vary", "Origin");
      if (origin === null || !this.#origins.includes(origin)) return;
      headers.set("Access-Control-Allow-Origin", origin);
      headers.set("Access-Control-Allow-Credentials", "true");
    }
    headers.set("Access-Control-Expose-Headers", "spanbus-state, spanbus-outcome, spanbus-reason, Retry-After");
    if (request.method !== "OPTIONS") return;
    headers.set("Access-Control-Allow-Methods", "GET, HEAD");
    // The endpoint's owner may ask for any header to know who reads, such as one with a key.
    const asked = request.headers.get("Access-Control-Request-Headers") ?? "";
    const allowed = headerNames.test(asked) ? `${knownHeaders}, ${asked}` : knownHeaders;
    headers.set("Access-Control-Allow-Headers", allowed);
    headers.append("Vary", "Access-Control-Request-Headers");
  }
}
