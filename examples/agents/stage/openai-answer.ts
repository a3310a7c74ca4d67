export interface ToolCall {
  readonly id: string;
  readonly type: "function";
  readonly function: { readonly name: string; arguments: string };
}

export interface Answer {
  readonly role: "assistant";
  readonly content: string;
  readonly tool_calls?: ToolCall[];
}

/** The parts of a chunk that are read here. */
interface Chunk {
  readonly choices: readonly {
    readonly delta: { readonly content?: string | null; tool_calls?: readonly CallPart[] };
  }[];
}

interface CallPart {
  readonly index: number;
  readonly id?: string;
  readonly function?: { readonly name?: string; readonly arguments?: string };
}

/** The message of a streamed chat completion. The client's own helper does not work under every instrumentation. */
export async function answerOf(chunks: AsyncIterable<Chunk>): Promise<Answer> {
  let content = "";
  const calls: ToolCall[] = [];
  for await (const { choices } of chunks) {
    const delta = choices[0]?.delta;
    content += delta?.content ?? "";
    for (const { index, id = "", function: part = {} } of delta?.tool_calls ?? []) {
      calls[index] ??= { id, type: "function", function: { name: part.name ?? "", arguments: "" } };
      calls[index].function.arguments += part.arguments ?? "";
    }
  }
  return { role: "assistant", content, ...(calls.length > 0 && { tool_calls: calls }) };
}
