import { wrong } from "../bus/checks.js";
import { type BusEvent, type Outcome, outcomes } from "../bus/event.js";
import { outline } from "./outline.js";
import { type ToolCall, toolCallsOf } from "./tool-calls.js";

/** Which calls of a tool count. */
export interface ToolCallExpectation {
  /** How often, exactly. Default at least once. */
  readonly times?: number | undefined;
  /** Only calls with these arguments, compared as `toEqual` does. Needs events with content, best `content: "full"`. */
  readonly arguments?: unknown;
}

/** The matchers as `expect(run)` has them. */
export interface RunMatchers<R = void> {
  /** The run called this tool, at least once or so many times. */
  toHaveCalledTool(toolName: string, expected?: ToolCallExpectation): R;
  /** These calls happened one after the other, by their starts; other calls may stand in between. */
  toHaveCalledToolsInOrder(toolNames: readonly string[]): R;
  /** The run ended, and like this if an outcome is given. */
  toHaveEnded(outcome?: Outcome): R;
  /** Tokens read and written, summed over all model calls. Throws if model calls told no tokens. */
  toHaveUsedAtMostTokens(max: number): R;
}

declare global {
  // The name that vitest and jest look for, so that types are there without an import of either.
  namespace jest {
    // biome-ignore lint/complexity/noBannedTypes: all declarations of it must have the same parameters.
    interface Matchers<R, T = {}> extends RunMatchers<R> {}
  }
}

/** What a matcher gives to `expect`. */
export interface MatcherResult {
  readonly pass: boolean;
  readonly message: () => string;
}

/** What `expect` offers a matcher. */
interface MatcherContext {
  equals?(a: unknown, b: unknown): boolean;
}

/** Matchers for what `recordRun` gives, or a list of events: `expect.extend(matchers)`, in vitest and jest. */
export const matchers = {
  toHaveCalledTool(
    this: MatcherContext,
    received: unknown,
    toolName: string,
    expected: ToolCallExpectation = {},
  ): MatcherResult {
    const run = runOf("toHaveCalledTool", received);
    const { times } = expected;
    if (typeof toolName !== "string") throw wrong(TypeError, "toolName", "a string", toolName);
    if (times !== undefined && !(Number.isSafeInteger(times) && times >= 0)) {
      throw wrong(RangeError, "times", "a whole number of 0 or more", times);
    }
    const ofTool = toolCallsOf(run.events).filter((call) => call.toolName === toolName);
    const wanted =
      "arguments" in expected ? ofTool.filter((call) => equals(this, call.arguments, expected.arguments)) : ofTool;
    const called = `"${toolName}"${"arguments" in expected ? ` with ${shown(expected.arguments)}` : ""}`;
    return verdict(
      times === undefined ? wanted.length > 0 : wanted.length === times,
      `called ${called}${times === undefined ? "" : ` ${timesOf(times)}`}`,
      wanted.length === 0 && ofTool.length > 0
        ? `it called it with ${ofTool.map((call) => shown(call.arguments)).join(", then ")}`
        : `it called it ${timesOf(wanted.length)}`,
      run,
    );
  },

  toHaveCalledToolsInOrder(this: unknown, received: unknown, toolNames: readonly string[]): MatcherResult {
    const run = runOf("toHaveCalledToolsInOrder", received);
    if (!Array.isArray(toolNames) || toolNames.some((each) => typeof each !== "string")) {
      throw wrong(TypeError, "toolNames", "an array of strings", toolNames);
    }
    const calls = toolCallsOf(run.events);
    const missing = firstMissing(calls, toolNames);
    const names = calls.map(({ toolName }) => toolName).join(", ");
    return verdict(
      missing === undefined,
      `called ${toolNames.join(", then ")}`,
      missing === undefined || calls.length === 0
        ? `it called ${names || "no tool"}`
        : `"${toolNames[missing]}" was not called ${missing === 0 ? "at all" : `after "${toolNames[missing - 1]}"`}; it called ${names}`,
      run,
    );
  },

  toHaveEnded(this: unknown, received: unknown, outcome?: Outcome): MatcherResult {
    const run = runOf("toHaveEnded", received);
    if (outcome !== undefined && !outcomes.includes(outcome)) {
      throw wrong(RangeError, "outcome", `one of ${outcomes.map((each) => `"${each}"`).join(", ")}`, outcome);
    }
    const hasEnded = run.outcome !== undefined;
    return verdict(
      outcome === undefined ? hasEnded : run.outcome === outcome,
      outcome === undefined ? "ended" : `ended as ${outcome}`,
      hasEnded ? `it ended as ${run.outcome}` : "no end of it was seen",
      run,
    );
  },

  toHaveUsedAtMostTokens(this: unknown, received: unknown, max: number): MatcherResult {
    const run = runOf("toHaveUsedAtMostTokens", received);
    if (!(typeof max === "number" && max >= 0)) throw wrong(RangeError, "max", "a number of 0 or more", max);
    const used = tokensOf(run);
    return verdict(used <= max, `used at most ${max} tokens`, `it used ${used}`, run);
  },
};

interface ExpectedRun {
  readonly events: readonly BusEvent[];
  readonly outcome: Outcome | undefined;
  readonly outline: () => string;
}

function runOf(matcher: string, received: unknown): ExpectedRun {
  const run = Array.isArray(received)
    ? { events: received as readonly BusEvent[] }
    : (received as Partial<ExpectedRun>);
  const { events } = run ?? {};
  if (!Array.isArray(events) || events.some((event) => typeof event?.type !== "string")) {
    throw new TypeError(`\`${matcher}\` is for what \`recordRun\` gives, or a list of events, got ${shown(received)}`);
  }
  const { outcome = outcomeOf(events), error } = run as { outcome?: Outcome; error?: unknown };
  return { events, outcome, outline: () => outline(events, outcome, error) };
}

/** A list of events tells it by the end of the outermost agent. */
function outcomeOf(events: readonly BusEvent[]): Outcome | undefined {
  const end = events.findLast(({ type }) => type === "agent.terminate" || type === "bus.run.closed");
  const { reason, outcome } = (end?.data ?? {}) as { reason?: Outcome; outcome?: Outcome };
  return outcome ?? reason;
}

function verdict(pass: boolean, did: string, instead: string, run: ExpectedRun): MatcherResult {
  const message = () =>
    pass ? `expected the run not to have ${did}, but ${instead}` : `expected the run to have ${did}, but ${instead}`;
  return { pass, message: () => `${message()}\n\n${run.outline()}` };
}

/** Index of the first name that has no place in the order; undefined if all have. */
function firstMissing(calls: readonly ToolCall[], toolNames: readonly string[]): number | undefined {
  let from = 0;
  for (const [index, name] of toolNames.entries()) {
    const at = calls.findIndex((call, place) => place >= from && call.toolName === name);
    if (at < 0) return index;
    from = at + 1;
  }
  return undefined;
}

function tokensOf({ events, outline }: ExpectedRun): number {
  const told = events.filter(({ type }) => type === "agent.tokens.used");
  if (told.length === 0 && events.some(({ type }) => type.startsWith("agent.model."))) {
    throw new Error(`no model call of the run told its tokens, so nothing can be said about them\n\n${outline()}`);
  }
  return told.reduce((sum, { data }) => sum + tokensIn(data as Readonly<Record<string, unknown>>), 0);
}

function tokensIn({ inputTokens, outputTokens, totalTokens }: Readonly<Record<string, unknown>>): number {
  const parts = [inputTokens, outputTokens].map(Number).filter(Number.isFinite);
  return parts.length < 2 && typeof totalTokens === "number" ? totalTokens : parts.reduce((a, b) => a + b, 0);
}

function equals(context: MatcherContext, a: unknown, b: unknown): boolean {
  return context.equals ? context.equals(a, b) : JSON.stringify(a) === JSON.stringify(b);
}

function timesOf(times: number): string {
  return times === 0 ? "never" : times === 1 ? "once" : times === 2 ? "twice" : `${times} times`;
}

function shown(value: unknown): string {
  if (value === undefined) return "nothing";
  try {
    const text = JSON.stringify(value) ?? String(value);
    return text.length > 200 ? `${text.slice(0, 199)}…` : text;
  } catch {
    return String(value);
  }
}
