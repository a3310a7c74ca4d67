import { EventEmitter, once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** What the model reported for one city, added up. */
export interface Given {
  readonly modelCalls: number;
  readonly inputTokens: number;
  readonly outputTokens: number;
}

/** A model without a network: a server on loopback that speaks OpenAI's chat completions from a script. */
export interface ModelServer {
  /** Base URL, up to and including `/v1`. */
  readonly url: string;
  given(city: string): Given;
  /** Settles when it has begun to answer about a city. */
  speaking(city: string): Promise<void>;
  close(): void;
}

interface ChatRequest {
  readonly stream?: boolean;
  readonly messages: readonly { readonly role: string; readonly content?: unknown }[];
}

interface Answer {
  readonly message: { readonly content: string | null; readonly tool_calls?: readonly object[] };
  readonly finishReason: "stop" | "tool_calls";
}

/**
 * The script: asked for a city, it wants `get_weather` and `find_flights` of it, both at once; then it answers. For
 * Atlantis it is no help (a 400). For Avalon it says a word and never gets any further.
 */
export async function startModelServer(): Promise<ModelServer> {
  const given = new Map<string, Given>();
  const mouth = new EventEmitter();
  const server = createServer(async (request, response) => {
    const asked = JSON.parse(await bodyOf(request)) as ChatRequest;
    const city = cityIn(asked);
    if (city === "Atlantis") return sendJson(response, 400, { error: { message: "Atlantis is not on the map" } });
    if (city === "Avalon") {
      sendEvents(response, [chunk({ role: "assistant", content: "Well" })], false);
      mouth.emit(city);
      return;
    }
    const before = given.get(city) ?? { modelCalls: 0, inputTokens: 0, outputTokens: 0 };
    const modelCalls = before.modelCalls + 1;
    // Another sum for each city, so that tokens of one run in another would show.
    const usage = { prompt_tokens: 100 * modelCalls + city.length, completion_tokens: 10 * modelCalls + city.length };
    given.set(city, {
      modelCalls,
      inputTokens: before.inputTokens + usage.prompt_tokens,
      outputTokens: before.outputTokens + usage.completion_tokens,
    });
    const total = { ...usage, total_tokens: usage.prompt_tokens + usage.completion_tokens };
    if (asked.stream) sendEvents(response, chunksOf(answerTo(asked, city), total), true);
    else sendJson(response, 200, completion(answerTo(asked, city), total));
  });
  // On a busy machine the next call may come later than the five seconds after which Node cuts an idle connection.
  server.keepAliveTimeout = 60_000;
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    given: (city) => given.get(city) ?? { modelCalls: 0, inputTokens: 0, outputTokens: 0 },
    speaking: async (city) => {
      await once(mouth, city);
    },
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

function answerTo({ messages }: ChatRequest, city: string): Answer {
  if (messages.some(({ role }) => role === "tool")) {
    return { message: { content: `${city} it is. Take an umbrella.` }, finishReason: "stop" };
  }
  const calls = ["get_weather", "find_flights"].map((name, index) => ({
    index,
    id: `call-${city}-${name}`,
    type: "function",
    function: { name, arguments: JSON.stringify({ city }) },
  }));
  return { message: { content: null, tool_calls: calls }, finishReason: "tool_calls" };
}

/** The last word of `… to Oslo`, wherever the framework puts what the user said. */
function cityIn({ messages }: ChatRequest): string {
  const asked = messages.filter(({ role }) => role === "user").map(({ content }) => JSON.stringify(content));
  return /trip to (\w+)/.exec(asked.join(" "))?.[1] ?? "nowhere";
}

const about = { id: "chatcmpl-1", created: 1_800_000_000, model: "scripted-1" };

function completion({ message, finishReason }: Answer, usage: object): object {
  const choice = { index: 0, message: { role: "assistant", ...message }, finish_reason: finishReason };
  return { ...about, object: "chat.completion", choices: [choice], usage };
}

function chunk(delta: object, finishReason: string | null = null): object {
  return { ...about, object: "chat.completion.chunk", choices: [{ index: 0, delta, finish_reason: finishReason }] };
}

function chunksOf({ message, finishReason }: Answer, usage: object): object[] {
  const words = message.content?.split(/(?<= )/) ?? [];
  const calls = message.tool_calls ?? [];
  return [
    chunk({ role: "assistant", content: "" }),
    ...words.map((content) => chunk({ content })),
    ...calls.map((call) => chunk({ tool_calls: [call] })),
    chunk({}, finishReason),
    { ...about, object: "chat.completion.chunk", choices: [], usage },
  ];
}

function sendEvents(response: ServerResponse, events: readonly object[], end: boolean): void {
  response.writeHead(200, { "content-type": "text/event-stream" });
  for (const event of events) response.write(`data: ${JSON.stringify(event)}\n\n`);
  if (end) response.end("data: [DONE]\n\n");
}

function sendJson(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString("utf8");
}
