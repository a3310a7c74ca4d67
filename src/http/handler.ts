import { wrong } from "../bus/checks.js";
import { type Grant, isResponse, permission } from "./authorize.js";
import { Cors } from "./cors.js";
import { historyDocument, pageDocument, runsDocument, statsDocument } from "./documents.js";
import { EventBody } from "./event-body.js";
import { type Call, Feeds } from "./feeds.js";
import { failingClosed, reporting } from "./filter.js";
import { type NodeResponse, nodeResponse, sendBody } from "./node-response.js";
import { type HandlerOptions, type HandlerSettings, handlerSettings } from "./options.js";
import { Problem } from "./problem.js";
import type { ReadableBus } from "./readable-bus.js";
import { askedBy, type Route, routeOf } from "./route.js";
import { webBody } from "./web-body.js";

/**
 * Answers a request. Never rejects: what goes wrong is an answer, too.
 *
 * `env` is what a server or router hands over beside the request. `getRequestListener` and `serve` of `@hono/node-server` give
 * `{ incoming, outgoing }`: streams are then written straight into Node's response, past everything that would change a
 * `Response` on its way. Anything else is not looked at.
 */
export type Handler = (request: Request, env?: unknown) => Promise<Response>;

/**
 * Makes a bus readable over HTTP: a page, the runs, their histories, and live streams of server-sent events. What it returns
 * takes a `Request` and gives a `Response`, which is what routers of Node, Bun, Deno and the edge understand.
 * docs/PROTOCOL.md has the routes.
 *
 * @throws TypeError or RangeError that names the option, what is allowed and what was given.
 */
export function createHandler(bus: ReadableBus, options: HandlerOptions): Handler {
  if (typeof bus !== "object" || bus === null || typeof bus.standing !== "function")
    throw wrong(TypeError, "bus", "an EventBus", bus);
  const endpoint = new Endpoint(bus, handlerSettings(options));
  return (request, env) => endpoint.answer(request, env);
}

const allow = { Allow: "GET, HEAD, OPTIONS" } as const;

class Endpoint {
  readonly #bus: ReadableBus;
  readonly #settings: HandlerSettings;
  readonly #feeds: Feeds;
  readonly #cors: Cors;

  constructor(bus: ReadableBus, settings: HandlerSettings) {
    this.#bus = bus;
    this.#settings = settings;
    this.#feeds = new Feeds(bus, settings);
    this.#cors = new Cors(settings.cors);
  }

  async answer(request: Request, env: unknown): Promise<Response> {
    try {
      const outgoing = nodeResponse(env);
      const url = new URL(request.url);
      const route = this.#route(url);
      if (request.method === "OPTIONS") return this.#sent(request, new Response(null, { status: 204, headers: allow }));
      if (request.method !== "GET" && request.method !== "HEAD")
        throw new Problem(405, `the method must be one of ${allow.Allow}`, allow);
      const grants: Grant[] = [];
      for (const asked of askedBy(route)) {
        const permitted = await permission(this.#settings.authorize, request, asked);
        if (isResponse(permitted)) return this.#passedOn(request, permitted);
        grants.push(permitted);
      }
      // Where there is a response to write into it tells itself when the client is gone.
      const signal = outgoing ? undefined : request.signal;
      const answer = await this.#read({ request, url, signal }, route, grants);
      return answer instanceof EventBody ? this.#streamed(request, answer, outgoing) : this.#sent(request, answer);
    } catch (error) {
      return this.#sent(request, this.#problem(request, error).response());
    }
  }

  #route(url: URL): Route {
    const route = routeOf(url, this.#settings.basePath);
    if (route.to === "page" && !this.#settings.page) throw new Problem(404, "there is no page here");
    return route;
  }

  #read(call: Call, route: Route, grants: readonly Grant[]): Promise<Response | EventBody> | Response | EventBody {
    const { request, url } = call;
    const [grant = nothing] = grants;
    switch (route.to) {
      case "page":
        return pageDocument();
      case "runs":
        return runsDocument(this.#bus, this.#shown(request, "runs", grant.runs));
      case "stats":
        return statsDocument(this.#bus);
      case "history":
        return historyDocument(this.#bus, url, route.runId, grant.where && this.#shown(request, "where", grant.where));
      case "run":
        return this.#feeds.run(call, { runId: route.runId, grant: this.#reporting(request, grant) });
      case "several":
        return this.#feeds.several(
          call,
          route.runIds.map((runId, index) => ({
            runId,
            grant: this.#reporting(request, grants[index] ?? nothing),
          })),
        );
      case "global":
        return this.#feeds.global(call, this.#reporting(request, grant));
    }
  }

  #streamed(request: Request, body: EventBody, outgoing: NodeResponse | undefined): Response {
    const { headers } = body;
    if (!outgoing) return this.#sent(request, new Response(webBody(body), { headers }));
    return sendBody(body, this.#sent(request, new Response(null, { headers })).headers, outgoing);
  }

  #shown<T>(request: Request, name: string, filter: ((value: T) => boolean) | undefined): (value: T) => boolean {
    return filter ? failingClosed(name, filter, (error) => this.#report(error, request)) : () => true;
  }

  /** For streams: the bus asks the filter, hides what it throws at, and counts that. */
  #reporting(request: Request, { where }: Grant): Grant {
    return { where: where && reporting("where", where, (error) => this.#report(error, request)) };
  }

  #problem(request: Request, error: unknown): Problem {
    if (error instanceof Problem) return error;
    this.#report(error, request);
    return new Problem(500, "the request could not be answered");
  }

  /** A listener that fails, now or later, has nobody to be reported to. */
  #report(error: unknown, request: Request): void {
    const { onError } = this.#settings;
    (async () => onError?.(error, request))().catch(() => undefined);
  }

  /** An answer of the owner, on a copy: its headers may be sealed, or used for others. */
  #passedOn(request: Request, response: Response): Response {
    if (!this.#cors.admitsAny) return response;
    const { status, statusText } = response;
    const headers = new Headers(response.headers);
    this.#cors.admit(request, headers);
    return new Response(response.clone().body, { status, statusText, headers });
  }

  /** What every answer says; without its body for a `HEAD`. */
  #sent(request: Request, response: Response): Response {
    if (!response.headers.has("Cache-Control")) response.headers.set("Cache-Control", "no-store");
    response.headers.set("X-Content-Type-Options", "nosniff");
    this.#cors.admit(request, response.headers);
    return request.method === "HEAD" ? new Response(null, response) : response;
  }
}

/** A grant that is missing shows nothing. */
const nothing: Grant = { where: () => false, runs: () => false };
