export { type MatcherResult, matchers, type RunMatchers, type ToolCallExpectation } from "./matchers.js";
export { type RecordableBus, type RecordOptions, recordRun } from "./record-run.js";
export type { RecordedRun } from "./recorded-run.js";
export { type AwaitableSubscription, type WaitOptions, waitFor } from "./wait-for.js";
