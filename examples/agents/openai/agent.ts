// A loop of one's own around the client of OpenAI, under each of three instrumentations: npm run agent -- openai traceloop
import { type Attributes, SpanStatusCode, trace } from "@opentelemetry/api";
import type { ChatCompletionMessageParam, ChatCompletionTool } from "openai/resources/chat/completions";
import { startModelServer } from "../stage/model-server.js";
import { type Answer, answerOf, type ToolCall } from "../stage/openai-answer.js";
import { type Differences, play, type Trip } from "../stage/play.js";
import { travelTools } from "../stage/tools.js";

const setUps = {
  opentelemetry: () => import("./opentelemetry.js"),
  openinference: () => import("./openinference.js"),
  traceloop: () => import("./traceloop.js"),
};
const name = (process.argv[2] ?? "opentelemetry") as keyof typeof setUps;
const { bus, OpenAI } = await setUps[name]();

const server = await startModelServer();
const client = new OpenAI({ baseURL: server.url, apiKey: "none" });
const { getWeather, findFlights } = travelTools(bus);
const tools: Readonly<Record<string, (city: string) => Promise<string>>> = {
  get_weather: getWeather,
  find_flights: findFlights,
};
const parameters = { type: "object", properties: { city: { type: "string" } }, required: ["city"] };
const definitions = Object.keys(tools).map(
  (name): ChatCompletionTool => ({ type: "function", function: { name, parameters } }),
);

// The instrumentation sees the calls of the model. Agent and tools are our own, and so are their spans.
const tracer = trace.getTracer("travel-agent");
function traced<T>(name: string, attributes: Attributes, work: () => Promise<T>): Promise<T> {
  return tracer.startActiveSpan(name, { attributes }, async (span) => {
    try {
      return await work();
    } catch (error) {
      span.recordException(error as Error);
      span.setStatus({ code: SpanStatusCode.ERROR });
      throw error;
    } finally {
      span.end();
    }
  });
}

async function plan({ prompt, stream, signal }: Trip): Promise<string> {
  const messages: ChatCompletionMessageParam[] = [{ role: "user", content: prompt }];
  for (;;) {
    const answer = await ask(messages, stream, signal);
    if (!answer.tool_calls) return answer.content;
    messages.push(answer, ...(await Promise.all(answer.tool_calls.map(callTool))));
  }
}

async function ask(messages: ChatCompletionMessageParam[], stream: boolean, signal: AbortSignal): Promise<Answer> {
  const request = { model: "scripted-1", messages, tools: definitions };
  if (!stream) return (await client.chat.completions.create(request, { signal })).choices[0]?.message as Answer;
  const streamed = { ...request, stream: true, stream_options: { include_usage: true } } as const;
  return answerOf(await client.chat.completions.create(streamed, { signal }));
}

async function callTool({ id, function: { name, arguments: text } }: ToolCall): Promise<ChatCompletionMessageParam> {
  const attributes = { "gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": name };
  const result = traced(`execute_tool ${name}`, attributes, async () => tools[name]?.(JSON.parse(text).city) ?? "");
  return { role: "tool", tool_call_id: id, content: await result.catch(String) };
}

// Two of the three never tell the tokens of a stream, and never end the span of a call that failed.
const noTokens: Differences = { streamedTokens: { inputTokens: 0, outputTokens: 0 } };
const differences = { opentelemetry: {}, openinference: noTokens, traceloop: noTokens };

const invocation = { "gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "travel-agent" };
await play(
  bus,
  server,
  (trip) => bus.run(trip.city, () => traced("invoke_agent travel-agent", invocation, () => plan(trip))),
  differences[name],
);
