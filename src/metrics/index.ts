export type { Observation, ObserveOptions } from "./observation.js";
export { type Observed, observe } from "./observe.js";
export { type ObserveBusOptions, observeEventBus } from "./observe-event-bus.js";
export type { ObservedBus } from "./observed-bus.js";
