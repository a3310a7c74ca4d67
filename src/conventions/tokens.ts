import type { Tokens } from "./convention.js";
import type { FieldPlan, Found, Subject } from "./field-plan.js";

/** What a span tells of tokens, with cached ones counted as input and reasoning as output where the table knows. */
export function tokensOf(plan: FieldPlan, subject: Subject): Tokens | undefined {
  const input = plan.find("inputTokens", subject);
  const output = plan.find("outputTokens", subject);
  const total = plan.find("totalTokens", subject);
  const cacheRead = plan.find("cacheReadTokens", subject);
  const cacheWrite = plan.find("cacheWriteTokens", subject);
  const reasoning = plan.find("reasoningTokens", subject);
  const complete = total !== undefined && count(input) + count(output) === total.value;
  return present({
    inputTokens: complete ? input?.value : withParts(input, [cacheRead, cacheWrite]),
    outputTokens: complete ? output?.value : withParts(output, [reasoning]),
    totalTokens: total?.value,
    cacheReadTokens: cacheRead?.value,
    cacheWriteTokens: cacheWrite?.value,
    reasoningTokens: reasoning?.value,
  });
}

/** Adds the parts that the table of the count reports apart. */
function withParts(whole: Found | undefined, parts: readonly (Found | undefined)[]): Found["value"] | undefined {
  if (whole === undefined || whole.origin.tokens?.exclusive !== true) return whole?.value;
  return parts.filter((part) => part?.origin === whole.origin).reduce((sum, part) => sum + count(part), count(whole));
}

function count(found: Found | undefined): number {
  return typeof found?.value === "number" ? found.value : 0;
}

function present(counts: { readonly [Name in keyof Tokens]-?: Found["value"] | undefined }): Tokens | undefined {
  const known = Object.entries(counts).filter(([, value]) => typeof value === "number");
  return known.length === 0 ? undefined : Object.fromEntries(known);
}
