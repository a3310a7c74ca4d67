/** Words of the families for the same reason, in lower case and with `_` for `-`. */
const sameAs: Readonly<Record<string, string>> = {
  end_turn: "stop",
  stop_sequence: "stop",
  eos: "stop",
  complete: "stop",
  tool_call: "tool_calls",
  tool_use: "tool_calls",
  function_call: "tool_calls",
  max_tokens: "length",
  max_output_tokens: "length",
  content_filtered: "content_filter",
  safety: "content_filter",
  blocked: "content_filter",
  guardrail_intervened: "content_filter",
};
const common: readonly string[] = ["stop", "tool_calls", "length", "content_filter", "error"];

/** One word per reason, whoever says it; a word of one family alone stays as it is. */
export function finishReason(word: string): string {
  const plain = word.toLowerCase().replaceAll("-", "_");
  if (common.includes(plain)) return plain;
  return Object.hasOwn(sameAs, plain) ? (sameAs[plain] ?? word) : word;
}
