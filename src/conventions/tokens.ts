import type { Tokens } from "./convention.js";
import type { Found, Reading, RulesOf } from "./reading.js";

/** What a span tells of tokens, with cached ones counted as input and reasoning as output where the table or the total knows. */
export function tokensOf(reading: Reading, rulesOf: RulesOf): Tokens | undefined {
  const input = reading.find("inputTokens");
  const output = reading.find("outputTokens");
  const total = reading.find("totalTokens");
  const cacheRead = reading.find("cacheReadTokens");
  const cacheWrite = reading.find("cacheWriteTokens");
  const reasoning = reading.find("reasoningTokens");
  const told = count(input) + count(output);
  const complete = total !== undefined && told === total.value;
  // The total says that the reasoning is no part of the output.
  const isApart = total !== undefined && !complete && told + count(reasoning) === total.value;
  const named = (whole: Found | undefined, count: "inputTokens" | "outputTokens") =>
    whole && rulesOf(whole.origin).parts?.of(count, reading.facts);
  return present({
    inputTokens:
      complete || isApart
        ? input?.value
        : withParts(input, named(input, "inputTokens") ?? partsOf(input, cacheRead, cacheWrite)),
    outputTokens: complete
      ? output?.value
      : isApart
        ? count(output) + count(reasoning)
        : withParts(output, named(output, "outputTokens") ?? partsOf(output, reasoning)),
    totalTokens: total?.value,
    cacheReadTokens: cacheRead?.value,
    cacheWriteTokens: cacheWrite?.value,
    reasoningTokens: reasoning?.value,
  });
}

/** Adds the parts that the table of the count reports apart from it. */
function withParts(whole: Found | undefined, parts: readonly number[]): Found["value"] | undefined {
  if (whole === undefined || whole.origin.tokens?.exclusive !== true) return whole?.value;
  return parts.reduce((sum, part) => sum + part, count(whole));
}

/** Those that the table of the count tells in fields of their own. */
function partsOf(whole: Found | undefined, ...parts: readonly (Found | undefined)[]): readonly number[] {
  return parts.flatMap((part) => (part && part.origin === whole?.origin ? [count(part)] : []));
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
