// A loop of one's own, observed by Langfuse's `observe` and `observeOpenAI`: npm run agent -- langfuse
import { observeOpenAI } from "@langfuse/openai";
import { observe } from "@langfuse/tracing";
import { NodeTracerProvider } from "@opentelemetry/sdk-trace-node";
import { OpenAI } from "openai";
import type { ChatCompletionMessageParam, ChatCompletionTool } from "openai/resources/chat/completions";
import { EventBus } from "spanbus";
import { startModelServer } from "../stage/model-server.js";
import { type Answer, answerOf, type ToolCall } from "../stage/openai-answer.js";
import { play, type Trip } from "../stage/play.js";
import { travelTools } from "../stage/tools.js";

// Langfuse's own processor stands behind the bus: [bus, new LangfuseSpanProcessor()].
const bus = new EventBus();
new NodeTracerProvider({ spanProcessors: [bus] }).register();

const server = await startModelServer();
const client = observeOpenAI(new OpenAI({ baseURL: server.url, apiKey: "none" }));
const { getWeather, findFlights } = travelTools(bus);
const tools: Readonly<Record<string, (city: string) => Promise<string>>> = {
  get_weather: observe(getWeather, { name: "get_weather", asType: "tool" }),
  find_flights: observe(findFlights, { name: "find_flights", asType: "tool" }),
};
const parameters = { type: "object", properties: { city: { type: "string" } }, required: ["city"] };
const definitions = Object.keys(tools).map(
  (name): ChatCompletionTool => ({ type: "function", function: { name, parameters } }),
);

const plan = observe(
  async ({ prompt, stream, signal }: Trip): Promise<string> => {
    const messages: ChatCompletionMessageParam[] = [{ role: "user", content: prompt }];
    for (;;) {
      const answer = await ask(messages, stream, signal);
      if (!answer.tool_calls) return answer.content;
      messages.push(answer, ...(await Promise.all(answer.tool_calls.map(callTool))));
    }
  },
  { name: "travel-agent", asType: "agent" },
);

async function ask(messages: ChatCompletionMessageParam[], stream: boolean, signal: AbortSignal): Promise<Answer> {
  const request = { model: "scripted-1", messages, tools: definitions };
  if (!stream) return (await client.chat.completions.create(request, { signal })).choices[0]?.message as Answer;
  const streamed = { ...request, stream: true, stream_options: { include_usage: true } } as const;
  return answerOf(await client.chat.completions.create(streamed, { signal }));
}

async function callTool({ id, function: { name, arguments: text } }: ToolCall): Promise<ChatCompletionMessageParam> {
  const result = tools[name]?.(JSON.parse(text).city) ?? Promise.resolve("");
  return { role: "tool", tool_call_id: id, content: await result.catch(String) };
}

await play(bus, server, (trip) => bus.run(trip.city, () => plan(trip)));
