export { BusTracingProcessor } from "./bus-tracing-processor.js";
export type { AgentsSpanLike, AgentsTraceLike } from "./tracing.js";
