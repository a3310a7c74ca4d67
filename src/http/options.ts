import { anObject, flag, optionalFunction, positiveInteger, wrong } from "../bus/checks.js";
import type { Authorize } from "./authorize.js";

export interface HandlerOptions {
  /**
   * Says of every request what it may read. Called before anything is read, and before it is known whether a run exists.
   * There is no default: an endpoint that shows prompts to everybody must say so.
   */
  readonly authorize: Authorize;
  /** Path at which the endpoint is mounted, such as `"/spanbus"`, as far as it is in `request.url`. Default none. */
  readonly basePath?: string | undefined;
  /** A stream that was quiet for so many milliseconds gets a comment, from 1 to 2 147 483 647. Default 15 000. */
  readonly heartbeatMillis?: number | undefined;
  /** Streams open at once; beyond it the answer is 503. Default 1000. */
  readonly maxConnections?: number | undefined;
  /** Whether the page is served. Default true. */
  readonly page?: boolean | undefined;
  /**
   * Origins whose pages may read from a browser, such as `["https://app.example"]`, with credentials; or `"*"` for all,
   * without. Default none but the endpoint's own.
   */
  readonly cors?: "*" | readonly string[] | undefined;
  /** Is told what the client is not: an error that `authorize` or a filter threw, or an answer that `authorize` may not give. */
  readonly onError?: ((error: unknown, request: Request) => void) | undefined;
}

export interface HandlerSettings {
  readonly authorize: Authorize;
  readonly basePath: string;
  readonly heartbeatMillis: number;
  readonly maxConnections: number;
  readonly page: boolean;
  readonly cors: "*" | readonly string[];
  readonly onError: HandlerOptions["onError"];
}

/** What a timer of 32 bits can hold. */
const MAX_TIMER_MILLIS = 2 ** 31 - 1;

export function handlerSettings(options: HandlerOptions): HandlerSettings {
  anObject("options", options);
  const { authorize, basePath = "", heartbeatMillis = 15_000, maxConnections = 1000, page = true, cors = [] } = options;
  if (typeof authorize !== "function") throw wrong(TypeError, "authorize", "a function", authorize);
  if (positiveInteger("heartbeatMillis", heartbeatMillis) > MAX_TIMER_MILLIS)
    throw wrong(RangeError, "heartbeatMillis", `at most ${MAX_TIMER_MILLIS}`, heartbeatMillis);
  return {
    authorize,
    basePath: checkedBasePath(basePath),
    heartbeatMillis,
    maxConnections: positiveInteger("maxConnections", maxConnections),
    page: flag("page", page),
    cors: checkedOrigins(cors),
    onError: optionalFunction("onError", options.onError),
  };
}

/** As `URL` writes a path, without the slash at its end. */
function checkedBasePath(value: unknown): string {
  const allowed = 'a path that begins with "/", without query or empty segments';
  if (typeof value !== "string") throw wrong(TypeError, "basePath", allowed, value);
  if (value !== "" && !/^(\/[^/?#]+)*\/?$/.test(value)) throw wrong(RangeError, "basePath", allowed, value);
  return new URL(value, "http://localhost").pathname.replace(/\/$/, "");
}

function checkedOrigins(value: unknown): "*" | readonly string[] {
  if (value === "*") return value;
  const allowed = '"*" or a list of origins such as "https://app.example"';
  if (!Array.isArray(value)) throw wrong(TypeError, "cors", allowed, value);
  for (const origin of value) if (!isOrigin(origin)) throw wrong(RangeError, "cors", allowed, value);
  return [...value];
}

/** As a browser names it. `URL` knows none of apps and extensions, such as `capacitor://localhost`. */
function isOrigin(value: unknown): boolean {
  if (typeof value !== "string" || !URL.canParse(value)) return false;
  const { origin, protocol, host } = new URL(value);
  return host !== "" && value === (origin === "null" ? `${protocol}//${host}` : origin);
}
