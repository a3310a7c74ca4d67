import type { Tokens } from "./convention.js";
import type { Found, Reading } from "./reading.js";

/** What a span tells of tokens, with cached ones counted as input and reasoning as output where the table knows. */
export function tokensOf(reading: Reading): Tokens | undefined {
  const input = reading.find("inputTokens");
  const output = reading.find("outputTokens");
  const total = reading.find("totalTokens");
  const cacheRead = reading.find("cacheReadTokens");
  const cacheWrite = reading.find("cacheWriteTokens");
  const reasoning = reading.find("reasoningTokens");
  const complete = total !== undefined && count(input) + count(output) === total.value;
  return present({
    inputTokens: complete ? input?.value : withParts(input, cacheRead, cacheWrite),
    outputTokens: complete ? output?.value : withParts(output, reasoning),
    totalTokens: total?.value,
    cacheReadTokens: cacheRead?.value,
    cacheWriteTokens: cacheWrite?.value,
    reasoningTokens: reasoning?.value,
  });
}

/** Adds the parts that the table of the count reports apart from it. */
function withParts(whole: Found | undefined, ...parts: readonly (Found | undefined)[]): Found["value"] | undefined {
  if (whole === undefined || whole.origin.tokens?.exclusive !== true) return whole?.value;
  let sum = count(whole);
  for (const part of parts) if (part?.origin === whole.origin) sum += count(part);
  return sum;
}

function count(found: Found | undefined): number {
  return typeof found?.value === "number" ? found.value : 0;
}

function present(counts: { readonly [Name in keyof Tokens]-?: Found["value"] | undefined }): Tokens | undefined {
  const known: { -readonly [Name in keyof Tokens]: number } = {};
  let any = false;
  for (const name in counts) {
    const value = counts[name as keyof Tokens];
    if (typeof value !== "number") continue;
    known[name as keyof Tokens] = value;
    any = true;
  }
  return any ? known : undefined;
}
