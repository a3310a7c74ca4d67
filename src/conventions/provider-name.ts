/** What the AI SDK and Mastra put behind the provider's name: `openai.chat`, `google.generative-ai`. */
const apiSuffix =
  /\.(chat|completion|completions|embedding|embeddings|textEmbedding|responses|messages|generative-ai|image|transcription|speech|rerank|reranking)$/;

/** Frameworks that write their own name where the provider belongs. */
const frameworks: readonly string[] = [
  "langchain",
  "langgraph",
  "mastra",
  "genkit",
  "strands-agents",
  "gcp.vertex.agent",
];

/** The provider's name alone; `undefined` if it is not one. */
export function providerName(value: string): string | undefined {
  const name = value.replace(apiSuffix, "");
  return frameworks.includes(name.toLowerCase()) ? undefined : name;
}
