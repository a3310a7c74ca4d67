export { type Observation, type ObserveOptions, observeEventBus } from "./observe-event-bus.js";
export type { ObservedBus } from "./observed-bus.js";
