import { API, registered } from "./registered.js";
import { whenSet } from "./when-set.js";

/** Of the package `@opentelemetry/api-logs`. */
const API_LOGS = Symbol.for("io.opentelemetry.js.api.logs");
/** The version of the logs API that its getter is asked for. */
const API_LOGS_VERSION = 1;

type Then = (provider: unknown) => void;

/** The global tracer provider, if there is one. */
export function globalTracerProvider(): unknown {
  const { trace } = registered();
  return isProxy(trace) ? trace._delegate : trace;
}

/** The global logger provider, if there is one. */
export function globalLoggerProvider(): unknown {
  const { [API_LOGS]: getter } = globalThis as { [API_LOGS]?: unknown };
  return registered().logs ?? (typeof getter === "function" ? getter(API_LOGS_VERSION) : undefined);
}

/** Calls back with the global tracer provider, now or as soon as one is registered. What it returns stops the waiting. */
export function whenTracerProvider(then: Then): () => void {
  return whenDeep(globalThis, API, (api, stops) => {
    stops.push(whenSet(api, "trace", (proxy) => stops.push(whenReal(proxy, then))));
  });
}

/** The same with the global logger provider, of API 1.10 or of `@opentelemetry/api-logs`. */
export function whenLoggerProvider(then: Then): () => void {
  const ofApi = whenDeep(globalThis, API, (api, stops) => stops.push(whenSet(api, "logs", then)));
  const ofApiLogs = whenSet(globalThis, API_LOGS, (getter) => {
    if (typeof getter === "function") then(getter(API_LOGS_VERSION));
  });
  return () => {
    ofApi();
    ofApiLogs();
  };
}

/** The provider behind a proxy of the API, now or as soon as there is one. */
export function whenReal(provider: unknown, then: Then): () => void {
  if (isProxy(provider)) return whenSet(provider, "_delegate", then);
  then(provider);
  return () => {};
}

function isProxy(provider: unknown): provider is { readonly _delegate?: unknown } {
  return typeof (provider as { getDelegate?: unknown } | null | undefined)?.getDelegate === "function";
}

function whenDeep(holder: object, key: symbol, then: (value: object, stops: (() => void)[]) => void): () => void {
  const stops: (() => void)[] = [];
  stops.push(whenSet(holder, key, (value) => then(value as object, stops)));
  return () => {
    for (const stop of stops) stop();
  };
}
