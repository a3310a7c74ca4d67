import { type Attributes, ROOT_CONTEXT, type Tracer, trace } from "@opentelemetry/api";

/** Spans of a trace: one at the top, the others below it. */
export const SPANS = 50;
/** Instrumentation scope of the AI SDK, which all that read agent spans accept. */
export const AGENT_SCOPE = "ai";
export const PLAIN_SCOPE = "@opentelemetry/instrumentation-http";

/** Each is started, given six attributes, and ended. */
export interface TraceInput {
  readonly scope: string;
  readonly top: SpanInput;
  below(n: number): SpanInput;
}

export interface SpanInput {
  readonly name: string;
  readonly attributes: Attributes;
}

/** An agent that calls its tool again and again, as the AI SDK writes it. */
export const agentTrace: TraceInput = {
  scope: AGENT_SCOPE,
  top: {
    name: "ai.generateText",
    attributes: {
      "operation.name": "ai.generateText weather-agent",
      "ai.operationId": "ai.generateText",
      "ai.telemetry.functionId": "weather-agent",
      "ai.model.provider": "openai.chat",
      "ai.model.id": "gpt-5-mini",
      "ai.prompt": '{"system":"You are helpful.","prompt":"Weather in Paris?"}',
    },
  },
  below: (n) => ({
    name: "ai.toolCall",
    attributes: {
      "operation.name": "ai.toolCall weather-agent",
      "ai.operationId": "ai.toolCall",
      "ai.toolCall.name": "get_weather",
      "ai.toolCall.id": `call_${n}`,
      "ai.toolCall.args": `{"city":"Paris","day":${n}}`,
      "ai.toolCall.result": `{"city":"Paris","day":${n},"degrees":21}`,
    },
  }),
};

/** A service that calls another one. */
export const plainTrace: TraceInput = {
  scope: PLAIN_SCOPE,
  top: { name: "GET /weather", attributes: request(0) },
  below: (n) => ({ name: "GET", attributes: request(n) }),
};

function request(n: number): Attributes {
  return {
    "http.request.method": "GET",
    "url.full": `http://weather.internal/days/${n}`,
    "server.address": "weather.internal",
    "server.port": 8080,
    "http.response.status_code": 200,
    "network.protocol.version": "1.1",
  };
}

/** Runs one trace. */
export function play(tracer: Tracer, { top, below }: TraceInput, spans = SPANS): void {
  const root = tracer.startSpan(top.name, undefined, ROOT_CONTEXT);
  setAll(root, top.attributes);
  const context = trace.setSpan(ROOT_CONTEXT, root);
  for (let n = 1; n < spans; n += 1) {
    const { name, attributes } = below(n);
    const span = tracer.startSpan(name, undefined, context);
    setAll(span, attributes);
    span.end();
  }
  root.end();
}

function setAll(span: { setAttribute(key: string, value: never): unknown }, attributes: Attributes): void {
  for (const key in attributes) span.setAttribute(key, attributes[key] as never);
}
