import { createHash, createPublicKey, type KeyObject, verify } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";

/** A request that passed the check, as the endpoint saw it. */
export interface SeenRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
}

export interface OciEndpoint {
  /** Base URL for `OCI_GENAI_ENDPOINT`. */
  readonly url: string;
  readonly requests: readonly SeenRequest[];
  close(): Promise<void>;
}

/** What the endpoint lets in: a signature by this key in the name of this key id, or this bearer key. */
export interface Admission {
  readonly publicKeyPem: string;
  readonly keyId: string;
  readonly bearerKey?: string;
}

type ChatMessage = { role: string; content?: unknown };
type ChatRequest = { model: string; stream?: boolean; messages: ChatMessage[]; tools?: unknown[] };

/** Plays OCI Generative AI on loopback: checks who is asking as strictly as the real one, then answers in OpenAI's format. */
export async function startOciEndpoint(admission: Admission): Promise<OciEndpoint> {
  const publicKey = createPublicKey(admission.publicKeyPem);
  const requests: SeenRequest[] = [];
  const server = createServer(async (incoming, response) => {
    const seen: SeenRequest = {
      method: incoming.method ?? "",
      path: incoming.url ?? "",
      headers: incoming.headers,
      body: await text(incoming),
    };
    const objection = objectionTo(seen, admission, publicKey);
    if (objection !== undefined) {
      response.writeHead(401, { "content-type": "application/json" });
      response.end(JSON.stringify({ code: "NotAuthenticated", message: objection }));
      return;
    }
    requests.push(seen);
    answer(seen, response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/openai/v1`,
    requests,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function objectionTo(request: SeenRequest, { keyId, bearerKey }: Admission, publicKey: KeyObject): string | undefined {
  const authorization = request.headers.authorization ?? "";
  if (authorization.startsWith("Bearer ")) {
    return authorization === `Bearer ${bearerKey}` ? undefined : "wrong bearer key";
  }
  if (!authorization.startsWith("Signature ")) return "no signature";
  const fields: Record<string, string | undefined> = Object.fromEntries(
    [...authorization.matchAll(/(\w+)="([^"]*)"/g)].map(([, name, value]) => [name, value]),
  );
  const signed = (fields.headers ?? "").toLowerCase().split(" ");
  const missing = requiredHeaders(request).find((name) => !signed.includes(name));
  if (missing !== undefined) return `${missing} is not signed`;
  if (!signed.includes("date") && !signed.includes("x-date")) return "no date is signed";
  if (fields.version !== "1" || fields.algorithm !== "rsa-sha256") return "not version 1, rsa-sha256";
  if (fields.keyId !== keyId) return `unknown key id ${fields.keyId}`;
  const signingString = signed.map((name) => `${name}: ${signedValue(request, name)}`).join("\n");
  const signature = Buffer.from(fields.signature ?? "", "base64");
  if (!verify("sha256", Buffer.from(signingString), publicKey, signature))
    return `signature does not fit:\n${signingString}`;
  return objectionToWhatWasSigned(request);
}

function requiredHeaders({ method }: SeenRequest): readonly string[] {
  const always = ["(request-target)", "host"];
  return method === "POST" ? [...always, "content-length", "content-type", "x-content-sha256"] : always;
}

function signedValue({ method, path, headers }: SeenRequest, name: string): string {
  return name === "(request-target)" ? `${method.toLowerCase()} ${path}` : String(headers[name]);
}

function objectionToWhatWasSigned({ method, headers, body }: SeenRequest): string | undefined {
  const date = Date.parse(String(headers["x-date"] ?? headers.date));
  if (!(Math.abs(Date.now() - date) < 5 * 60_000)) return "date is more than five minutes off";
  if (method !== "POST") return undefined;
  if (headers["content-length"] !== String(Buffer.byteLength(body))) return "content-length is not that of the body";
  if (headers["x-content-sha256"] !== createHash("sha256").update(body).digest("base64"))
    return "hash is not that of the body";
  return undefined;
}

const usage = { prompt_tokens: 21, completion_tokens: 7, total_tokens: 28 };

function answer(request: SeenRequest, response: ServerResponse): void {
  if (request.method !== "POST" || !request.path.endsWith("/chat/completions")) {
    response.writeHead(200, { "content-type": "application/json" });
    response.end(JSON.stringify({ path: request.path, body: request.body }));
    return;
  }
  const chat = JSON.parse(request.body) as ChatRequest;
  const wantsTool = chat.tools !== undefined && !chat.messages.some((message) => message.role === "tool");
  if (chat.stream) stream(chat, wantsTool, response);
  else complete(chat, wantsTool, response);
}

const toolCall = { id: "call-1", type: "function", function: { name: "get_weather", arguments: '{"city":"Kraków"}' } };
const sentence = ["Sunny ", "in ", "Kraków."];

function complete({ model }: ChatRequest, wantsTool: boolean, response: ServerResponse): void {
  const message = wantsTool
    ? { role: "assistant", content: null, tool_calls: [toolCall] }
    : { role: "assistant", content: sentence.join("") };
  const choice = { index: 0, message, finish_reason: wantsTool ? "tool_calls" : "stop" };
  response.writeHead(200, { "content-type": "application/json" });
  response.end(
    JSON.stringify({ id: "chat-1", object: "chat.completion", created: 1, model, choices: [choice], usage }),
  );
}

function stream({ model }: ChatRequest, wantsTool: boolean, response: ServerResponse): void {
  const send = (rest: object): void => {
    response.write(
      `data: ${JSON.stringify({ id: "chat-1", object: "chat.completion.chunk", created: 1, model, ...rest })}\n\n`,
    );
  };
  const sendDelta = (delta: object, finish_reason: string | null = null): void => {
    send({ choices: [{ index: 0, delta, finish_reason }] });
  };
  response.writeHead(200, { "content-type": "text/event-stream" });
  if (wantsTool) {
    const { name, arguments: json } = toolCall.function;
    sendDelta({ role: "assistant", tool_calls: [{ ...toolCall, index: 0, function: { name, arguments: "" } }] });
    for (const piece of [json.slice(0, 5), json.slice(5)])
      sendDelta({ tool_calls: [{ index: 0, function: { arguments: piece } }] });
  } else {
    for (const content of sentence) sendDelta({ role: "assistant", content });
  }
  sendDelta({}, wantsTool ? "tool_calls" : "stop");
  send({ choices: [], usage });
  response.end("data: [DONE]\n\n");
}
