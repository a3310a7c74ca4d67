import type { BusEvent } from "../bus/event.js";
import type { AgUiTokenUsage } from "./ag-ui-event.js";

/** Their names here, and in AG-UI. */
const COUNTS = {
  inputTokens: "inputTokens",
  outputTokens: "outputTokens",
  reasoningTokens: "reasoningTokens",
  cacheReadTokens: "cachedInputTokens",
  cacheWriteTokens: "cacheWriteInputTokens",
} as const;
/** More models than this are summed up as one without a name. */
const MAX_MODELS = 100;

type Counts = { -readonly [Key in keyof AgUiTokenUsage]: AgUiTokenUsage[Key] };

/** The tokens of a run, for each model of each provider. Says nothing once events are missing. */
export class Usage {
  readonly #models = new Map<string, Counts>();
  #isWhole = true;

  add({ data }: BusEvent): void {
    const told = data as Readonly<Record<string, unknown>>;
    const entry = this.#entry(told["provider"], told["model"]);
    for (const [from, to] of Object.entries(COUNTS)) {
      const count = told[from];
      if (typeof count === "number" && Number.isSafeInteger(count) && count >= 0) entry[to] = (entry[to] ?? 0) + count;
    }
  }

  miss(): void {
    this.#isWhole = false;
  }

  get told(): { readonly usage?: readonly AgUiTokenUsage[] } {
    if (!this.#isWhole || this.#models.size === 0) return {};
    return { usage: [...this.#models.values()].map(withTotal) };
  }

  #entry(provider: unknown, model: unknown): Counts {
    const known = [provider, model].map((name) => (typeof name === "string" ? name : undefined));
    let key = JSON.stringify(known);
    if (!this.#models.has(key) && this.#models.size >= MAX_MODELS) key = "";
    const found = this.#models.get(key);
    if (found) return found;
    const entry: Counts = {};
    if (key && known[0] !== undefined) entry.provider = known[0];
    if (key && known[1] !== undefined) entry.model = known[1];
    this.#models.set(key, entry);
    return entry;
  }
}

function withTotal(entry: Counts): AgUiTokenUsage {
  const { inputTokens, outputTokens } = entry;
  if (inputTokens === undefined || outputTokens === undefined) return entry;
  return { ...entry, totalTokens: inputTokens + outputTokens };
}
