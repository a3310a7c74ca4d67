import { TooLongError, textOf } from "./body.js";
import { bounded } from "./bounded.js";
import type { Lifetime } from "./lifetime.js";
import { retryAfterMillis } from "./retry-after.js";

/** What is used of `fetch`. */
export type FetchLike = (url: string, init: FetchInit) => Promise<Response>;

export interface FetchInit {
  readonly headers: Record<string, string>;
  readonly signal: AbortSignal;
  readonly cache: "no-store";
  /** A redirect is a refusal: nobody else gets the headers. */
  readonly redirect: "manual";
}

/** Names and values, in an object, in `Headers`, or in pairs. */
export type HeaderFields = Readonly<Record<string, string>> | Headers | Iterable<readonly [string, string]>;

/** Headers of every request, or what makes them anew for each. */
export type HeadersLike = HeaderFields | (() => HeaderFields | Promise<HeaderFields>);

/** The endpoint refused, could not be reached, or did not answer as one. */
export class EndpointError extends Error {
  /** HTTP status, if there was an answer. */
  readonly status: number | undefined;
  /** How many milliseconds the endpoint asks to wait before the next try; 0 if it does not say. At most 60 000. */
  readonly retryAfterMillis: number;
  /** The answer was a JSON problem, as endpoints give it. What is before one, such as a proxy, says it otherwise. */
  readonly isProblem: boolean;

  constructor(
    message: string,
    options: { status?: number; retryAfterMillis?: number; isProblem?: boolean; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "EndpointError";
    this.status = options.status;
    this.retryAfterMillis = options.retryAfterMillis ?? 0;
    this.isProblem = options.isProblem ?? false;
  }

  /** Trying again may help: nothing was reached, or the endpoint is busy or down. */
  get isPassing(): boolean {
    return this.status === undefined || this.status >= 500 || this.status === 408 || this.status === 429;
  }
}

/** Query parameters; what is undefined is left out. */
export type Query = Readonly<Record<string, string | number | undefined>>;

/** One request. Whoever makes it may abort it, also while its answer is read. */
export interface Asking {
  readonly abort: AbortController;
  /** How long it may take until the head of the answer is here. */
  readonly millis: number;
}

const MAX_PROBLEM_BYTES = 8 * 1024;
const MAX_JSON_BYTES = 64 * 1024 * 1024;

/** Where the endpoint is, and how to ask it. */
export class Endpoint {
  readonly #base: string;
  readonly #fetch: FetchLike;
  readonly #headers: HeadersLike;

  constructor(base: URL, fetch: FetchLike, headers: HeadersLike) {
    this.#base = `${base.origin}${base.pathname.replace(/\/$/, "")}`;
    this.#fetch = fetch;
    this.#headers = headers;
  }

  /**
   * Asks for a path below the endpoint.
   *
   * @throws EndpointError unless the answer is a success.
   */
  async get(path: string, query: Query, accept: string, { abort, millis }: Asking): Promise<Response> {
    const { signal } = abort;
    const url = this.#url(path, query);
    try {
      return await bounded(this.#answer(url, accept, signal), millis, signal, () => lateError(url, millis));
    } catch (error) {
      if (signal.aborted) throw error;
      // Nothing of it is of use, be it late or refused.
      abort.abort();
      if (error instanceof EndpointError) throw error;
      throw new EndpointError(`${url} could not be reached: ${reasonOf(error)}`, { cause: error });
    }
  }

  /**
   * A document below the endpoint, as what `shaped` makes of it.
   *
   * @throws EndpointError if there is none, it does not come within `millis`, or `shaped` makes nothing of it.
   */
  async json<T>(
    path: string,
    query: Query,
    { alive, millis, shaped }: { alive: Lifetime; millis: number; shaped: (answer: unknown) => T | undefined },
  ): Promise<T> {
    const abort = new AbortController();
    const end = (): void => abort.abort(alive.reason);
    alive.add(end);
    if (alive.isOver) end();
    const began = performance.now();
    try {
      abort.signal.throwIfAborted();
      const response = await this.get(path, query, "application/json", { abort, millis });
      const url = response.url || path;
      const left = Math.max(0, millis - (performance.now() - began));
      const text = await bounded(textOf(response, MAX_JSON_BYTES), left, abort.signal, () =>
        lateError(url, millis),
      ).catch((error: unknown) => {
        if (abort.signal.aborted || error instanceof EndpointError) throw error;
        const what = error instanceof TooLongError ? "answered with" : "was cut:";
        throw new EndpointError(`${url} ${what} ${reasonOf(error)}`, { cause: error });
      });
      const answer = shaped(parsed(text));
      if (answer !== undefined) return answer;
      const message = `${url} did not answer with the JSON that was asked for: is it a spanbus endpoint?`;
      throw new EndpointError(message, { status: response.status });
    } finally {
      alive.remove(end);
      abort.abort();
    }
  }

  async #answer(url: string, accept: string, signal: AbortSignal): Promise<Response> {
    const headers = typeof this.#headers === "function" ? await this.#headers() : this.#headers;
    signal.throwIfAborted();
    const init: FetchInit = {
      headers: { accept, ...namedValues(headers) },
      signal,
      cache: "no-store",
      redirect: "manual",
    };
    const response = await this.#fetch(url, init);
    if (response.ok) return response;
    // A browser keeps to itself where it was sent.
    if (response.type === "opaqueredirect") {
      throw new EndpointError(`${url} answered with a redirect, which is not followed`, { status: 302 });
    }
    const { status } = response;
    const detail = await detailOf(response);
    throw new EndpointError(`${url} answered ${status}${detail}`, {
      status,
      retryAfterMillis: retryAfterMillis(response),
      isProblem: isProblem(response),
    });
  }

  #url(path: string, query: Query): string {
    const parameters = new URLSearchParams();
    for (const [name, value] of Object.entries(query)) if (value !== undefined) parameters.set(name, String(value));
    const search = parameters.toString();
    return `${this.#base}${path}${search === "" ? "" : `?${search}`}`;
  }
}

/** @throws TypeError without what was given, which may be a secret. */
export function namedValues(headers: HeaderFields): Readonly<Record<string, string>> {
  if (typeof headers !== "object" || headers === null) {
    throw new TypeError(`\`headers\` must be an object, Headers, or pairs of name and value, got a ${typeof headers}`);
  }
  return Symbol.iterator in headers ? Object.fromEntries(headers) : (headers as Readonly<Record<string, string>>);
}

function lateError(url: string, millis: number): EndpointError {
  return new EndpointError(`${url} did not answer within ${Math.round(millis)} ms`);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

/** `fetch failed` says nothing; its cause does. */
function reasonOf(error: unknown): string {
  const { cause } = (error ?? {}) as { cause?: unknown };
  const { code, message } = (cause ?? error ?? {}) as { code?: unknown; message?: unknown };
  return String(message || code || cause || error);
}

function isProblem({ headers }: Response): boolean {
  return headers.get("content-type")?.startsWith("application/problem+json") ?? false;
}

/** What a JSON problem says, if it is one. */
async function detailOf(response: Response): Promise<string> {
  const { status } = response;
  if (status >= 300 && status < 400) return ", a redirect, which is not followed";
  if (!isProblem(response)) return "";
  try {
    const { detail } = JSON.parse(await textOf(response, MAX_PROBLEM_BYTES)) as { detail?: unknown };
    return typeof detail === "string" ? `: ${detail}` : "";
  } catch {
    return "";
  }
}
