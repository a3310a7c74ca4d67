// The hub is in bus/, the OpenTelemetry side with `EventBus` in otel/.
export { EventBusError } from "./bus/errors.js";
export type * from "./bus/event.js";
export type {
  AbortSignalLike,
  GlobalSubscribeOptions,
  HistoryOptions,
  HubOptions,
  StatsOptions,
  SubscribeOptions,
} from "./bus/hub-options.js";
export type { RunInfo, RunSnapshot, RunStanding } from "./bus/run.js";
export type { BusStats, Figure } from "./bus/stats.js";
export type { AsyncDisposableLike, Subscription, SubscriptionMembers } from "./bus/subscription.js";
export type { DisposableLike, Tap, TapListener } from "./bus/taps.js";
export { alwaysRecord } from "./otel/always-record.js";
export { type Attachment, type AttachmentMembers, attach } from "./otel/attach.js";
export { type RunContextOptions, runContext } from "./otel/binding.js";
export type { ContentLevel } from "./otel/content.js";
export { EventBus } from "./otel/event-bus.js";
export type { AttributeChoice, EventBusOptions, Include } from "./otel/options.js";
export { currentRunId, emit, getEventBus, resetEventBus, setEventBus } from "./otel/process-bus.js";
export type {
  ContextLike,
  LogRecordLike,
  SamplerLike,
  SpanContextLike,
  SpanLike,
  TimedEventLike,
} from "./otel/signals.js";
