import { attempt } from "../bus/attempt.js";
import { globalLoggerProvider, globalTracerProvider } from "./global-providers.js";
import { logProcessors, spanProcessors } from "./processor-list.js";
import { tell } from "./tell.js";

/** How an environment asks an SDK to export what, and the option that makes the SDK forget it. */
const signals = {
  spans: {
    exporter: "OTEL_TRACES_EXPORTER",
    endpoints: ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"],
    option: "spanProcessors",
    processors: () => spanProcessors(globalTracerProvider()),
  },
  logs: {
    exporter: "OTEL_LOGS_EXPORTER",
    // The common endpoint is no wish for logs: many set it for their traces alone.
    endpoints: ["OTEL_EXPORTER_OTLP_LOGS_ENDPOINT"],
    option: "logRecordProcessors",
    processors: () => logProcessors(globalLoggerProvider()),
  },
} as const;

type Signal = (typeof signals)[keyof typeof signals];

/**
 * SDKs that read the environment ignore the exporter it names once they are given processors. So if a bus is all that the
 * global provider calls, and the environment asks for an exporter, nothing is exported, and nobody else says so.
 */
export class SilencedExporter {
  readonly #signal: Signal;
  readonly #bus: object;
  #looked = false;

  constructor(kind: keyof typeof signals, bus: object) {
    this.#signal = signals[kind];
    this.#bus = bus;
  }

  /** Looks once, when the first span or log arrives: by then the provider is whole. */
  look(): void {
    if (this.#looked) return;
    this.#looked = true;
    const asked = attempt(() => askedBy(this.#signal), undefined);
    if (!asked || !attempt(() => this.#isAlone(), false)) return;
    const what = `the environment asks for an exporter (${asked}), but \`${this.#signal.option}\` has only the bus`;
    tell("warn", `${what}, so nothing is exported; name the exporter's processor there too`);
  }

  #isAlone(): boolean {
    const all = this.#signal.processors()?.all() ?? [];
    return all.length > 0 && all.every((each) => each === this.#bus);
  }
}

/** The variable that asks, as it is set. */
function askedBy({ exporter, endpoints }: Signal): string | undefined {
  const env = (globalThis as { process?: { env?: Readonly<Record<string, string | undefined>> } }).process?.env ?? {};
  const value = (name: string): string => env[name]?.trim() ?? "";
  if (value(exporter)) return value(exporter) === "none" ? undefined : `${exporter}=${value(exporter)}`;
  const endpoint = endpoints.find(value);
  return endpoint && `${endpoint} is set`;
}
