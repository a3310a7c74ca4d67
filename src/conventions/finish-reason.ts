/** The words of the families for one reason. A word is lower-cased and its `-` becomes `_` before the look-up. */
const synonyms: Readonly<Record<string, readonly string[]>> = {
  stop: ["end_turn", "stop_sequence", "eos", "complete"],
  tool_calls: ["tool_call", "tool_use", "function_call"],
  length: ["max_tokens", "max_output_tokens"],
  content_filter: ["content_filtered", "safety", "blocked", "guardrail_intervened"],
};

/** One word per reason, whoever says it; a word of nobody else stays as it is. */
export function finishReason(word: string): string {
  const plain = word.toLowerCase().replaceAll("-", "_");
  for (const [reason, words] of Object.entries(synonyms)) if (plain === reason || words.includes(plain)) return reason;
  return plain === "error" ? plain : word;
}
