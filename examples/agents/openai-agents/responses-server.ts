import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** What a model answers: a text, calls of tools, a refusal, or the begin of a text that never goes on. */
export type Answer =
  | { readonly text: string }
  | { readonly calls: Readonly<Record<string, object>> }
  | { readonly refuses: string }
  | { readonly hangsAfter: string };

export interface ResponsesServer {
  /** Base URL, up to and including `/v1`. */
  readonly url: string;
  close(): void;
}

interface ResponsesRequest {
  readonly model: string;
  readonly instructions?: string;
  readonly input: unknown;
  readonly stream?: boolean;
}

/** A model without a network: a server on loopback that speaks OpenAI's Responses API from a script. */
export async function startResponsesServer(answer: (conversation: string) => Answer): Promise<ResponsesServer> {
  let count = 0;
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const asked = JSON.parse(Buffer.concat(chunks).toString()) as ResponsesRequest;
    count += 1;
    const given = answer(`${asked.instructions} ${JSON.stringify(asked.input)}`);
    if ("refuses" in given)
      return json(response, 400, { error: { message: given.refuses, type: "invalid_request_error" } });
    const complete = responseOf(`resp_${count}`, asked.model, given);
    if (!asked.stream) return json(response, 200, complete);
    response.writeHead(200, { "content-type": "text/event-stream" });
    const send = (type: string, data: object) =>
      response.write(`event: ${type}\ndata: ${JSON.stringify({ type, ...data })}\n\n`);
    send("response.created", { sequence_number: 0, response: { ...complete, status: "in_progress", output: [] } });
    const text = "text" in given ? given.text : "hangsAfter" in given ? given.hangsAfter : "";
    for (const delta of text.split(/(?= )/)) {
      if (delta)
        send("response.output_text.delta", {
          sequence_number: 1,
          item_id: "item_0",
          output_index: 0,
          content_index: 0,
          delta,
        });
    }
    if ("hangsAfter" in given) return undefined;
    send("response.completed", { sequence_number: 2, response: complete });
    return response.end();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/v1`,
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}

function responseOf(id: string, model: string, answer: Answer): object {
  const message = (text: string) => ({
    type: "message",
    id: "item_0",
    role: "assistant",
    status: "completed",
    content: [{ type: "output_text", text, annotations: [] }],
  });
  const output =
    "calls" in answer
      ? Object.entries(answer.calls).map(([name, input], index) => ({
          type: "function_call",
          id: `item_${index}`,
          call_id: `call_${id}_${index}`,
          name,
          arguments: JSON.stringify(input),
          status: "completed",
        }))
      : "text" in answer
        ? [message(answer.text)]
        : [];
  return {
    id,
    object: "response",
    created_at: Math.floor(Date.now() / 1000),
    status: "completed",
    model,
    output,
    usage: {
      input_tokens: 10,
      output_tokens: 5,
      total_tokens: 15,
      input_tokens_details: { cached_tokens: 4 },
      output_tokens_details: { reasoning_tokens: 2 },
    },
  };
}

function json(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
}
