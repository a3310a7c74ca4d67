/** What is used of `fetch`. */
export type FetchLike = (url: string, init: FetchInit) => Promise<Response>;

export interface FetchInit {
  readonly headers: Record<string, string>;
  readonly signal: AbortSignal;
  readonly cache: "no-store";
}

/** Headers of every request, or what makes them anew for each. */
export type HeadersLike =
  | Readonly<Record<string, string>>
  | (() => Readonly<Record<string, string>> | Promise<Readonly<Record<string, string>>>);

/** The endpoint refused, could not be reached, or did not answer as one. */
export class EndpointError extends Error {
  /** HTTP status, if there was an answer. */
  readonly status: number | undefined;

  constructor(message: string, options: { status?: number; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "EndpointError";
    this.status = options.status;
  }

  /** Trying again may help: nothing was reached, or the endpoint is busy or down. */
  get isPassing(): boolean {
    return this.status === undefined || this.status >= 500 || this.status === 408 || this.status === 429;
  }
}

/** Query parameters; what is undefined is left out. */
export type Query = Readonly<Record<string, string | number | undefined>>;

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
  async get(path: string, query: Query, accept: string, signal: AbortSignal): Promise<Response> {
    const url = this.#url(path, query);
    let response: Response;
    try {
      const headers = typeof this.#headers === "function" ? await this.#headers() : this.#headers;
      response = await this.#fetch(url, { headers: { accept, ...headers }, signal, cache: "no-store" });
    } catch (error) {
      if (signal.aborted) throw error;
      throw new EndpointError(`${url} could not be reached: ${reasonOf(error)}`, { cause: error });
    }
    if (response.ok) return response;
    const { status } = response;
    throw new EndpointError(`${url} answered ${status}${await detailOf(response)}`, { status });
  }

  async json(path: string, query: Query, signal: AbortSignal): Promise<unknown> {
    const response = await this.get(path, query, "application/json", signal);
    try {
      return await response.json();
    } catch (error) {
      if (signal.aborted) throw error;
      throw new EndpointError(`${response.url || path} did not answer with JSON: is it a spanbus endpoint?`, {
        status: response.status,
        cause: error,
      });
    }
  }

  #url(path: string, query: Query): string {
    const parameters = new URLSearchParams();
    for (const [name, value] of Object.entries(query)) if (value !== undefined) parameters.set(name, String(value));
    const search = parameters.toString();
    return `${this.#base}${path}${search === "" ? "" : `?${search}`}`;
  }
}

/** `fetch failed` says nothing; its cause does. */
function reasonOf(error: unknown): string {
  const { cause = error } = error as { cause?: unknown };
  const { code, message } = cause as { code?: unknown; message?: unknown };
  return String(message || code || cause);
}

/** What a JSON problem says, if it is one. */
async function detailOf(response: Response): Promise<string> {
  try {
    const { detail } = (await response.json()) as { detail?: unknown };
    return typeof detail === "string" ? `: ${detail}` : "";
  } catch {
    return "";
  }
}
