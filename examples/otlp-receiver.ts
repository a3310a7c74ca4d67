import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { json } from "node:stream/consumers";

/** What the receiver keeps of a span. */
export interface ReceivedSpan {
  readonly spanId: string;
  readonly name: string;
}

/** One metric of one export. */
export interface ReceivedMetric {
  readonly name: string;
  readonly unit: string;
  readonly points: readonly ReceivedPoint[];
}

export interface ReceivedPoint {
  readonly attributes: Readonly<Record<string, string>>;
  /** Of a histogram the sum. */
  readonly value: number;
  /** Of a histogram, how many values make up the sum. */
  readonly count?: number;
}

export interface OtlpReceiver {
  readonly url: string;
  readonly spans: readonly ReceivedSpan[];
  /** Each export of metrics, in the order of arrival. */
  readonly metricExports: readonly (readonly ReceivedMetric[])[];
  /** Who sent metrics: the attributes of the resource of each export. */
  readonly metricResources: readonly Readonly<Record<string, string>>[];
  close(): Promise<void>;
}

/** The slice of an OTLP trace request that is read here. */
interface TraceRequest {
  readonly resourceSpans?: readonly { readonly scopeSpans?: readonly { readonly spans?: readonly ReceivedSpan[] }[] }[];
}

/** The slice of an OTLP metrics request that is read here. */
interface MetricsRequest {
  readonly resourceMetrics?: readonly {
    readonly resource?: { readonly attributes?: readonly OtlpAttribute[] };
    readonly scopeMetrics?: readonly { readonly metrics?: readonly OtlpMetric[] }[];
  }[];
}

interface OtlpMetric {
  readonly name: string;
  readonly unit: string;
  readonly sum?: OtlpData;
  readonly gauge?: OtlpData;
  readonly histogram?: OtlpData;
}

interface OtlpAttribute {
  readonly key: string;
  readonly value: { readonly stringValue?: string };
}

interface OtlpData {
  readonly dataPoints: readonly {
    readonly attributes: readonly OtlpAttribute[];
    readonly asDouble?: number;
    /** JSON has no 64-bit integers, so they may come as text. */
    readonly asInt?: string | number;
    readonly count?: string | number;
    readonly sum?: number;
  }[];
}

/** Stands in for an OpenTelemetry collector: takes spans and metrics over OTLP/HTTP with JSON. */
export async function startOtlpReceiver(): Promise<OtlpReceiver> {
  const spans: ReceivedSpan[] = [];
  const metricExports: (readonly ReceivedMetric[])[] = [];
  const metricResources: Readonly<Record<string, string>>[] = [];
  const server = createServer(async (request, response) => {
    const body: unknown = await json(request);
    if (request.url === "/v1/metrics") {
      metricExports.push(metricsOf(body as MetricsRequest));
      metricResources.push(...resourcesOf(body as MetricsRequest));
    } else spans.push(...spansOf(body as TraceRequest));
    response.writeHead(200, { "content-type": "application/json" }).end("{}");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    spans,
    metricExports,
    metricResources,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function spansOf({ resourceSpans = [] }: TraceRequest): ReceivedSpan[] {
  const scopes = resourceSpans.flatMap(({ scopeSpans = [] }) => scopeSpans);
  return scopes.flatMap((scope) => scope.spans ?? []);
}

function metricsOf({ resourceMetrics = [] }: MetricsRequest): ReceivedMetric[] {
  const scopes = resourceMetrics.flatMap(({ scopeMetrics = [] }) => scopeMetrics);
  return scopes.flatMap((scope) => scope.metrics ?? []).map(metricOf);
}

function resourcesOf({ resourceMetrics = [] }: MetricsRequest): Readonly<Record<string, string>>[] {
  return resourceMetrics.map(({ resource }) => attributesOf(resource?.attributes ?? []));
}

function attributesOf(attributes: readonly OtlpAttribute[]): Readonly<Record<string, string>> {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, value.stringValue ?? ""]));
}

function metricOf({ name, unit, sum, gauge, histogram }: OtlpMetric): ReceivedMetric {
  const { dataPoints } = histogram ?? sum ?? gauge ?? { dataPoints: [] };
  const points = dataPoints.map(({ attributes, asDouble, asInt, sum, count }) => ({
    attributes: attributesOf(attributes),
    value: Number(asDouble ?? asInt ?? sum),
    ...(count !== undefined && { count: Number(count) }),
  }));
  return { name, unit, points };
}
