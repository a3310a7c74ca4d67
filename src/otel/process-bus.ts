import { context, trace } from "@opentelemetry/api";
import type { BusEvent, EventType } from "../bus/event.js";
import { type Attachment, attach } from "./attach.js";
import { bindingOf } from "./binding.js";
import { EventBus } from "./event-bus.js";
import { registry } from "./registry.js";
import { tell } from "./tell.js";

/** The bus of this process: created on first use, and anew if it was shut down. */
export function getEventBus(): EventBus {
  const shared = registry();
  if (!shared.bus || shared.bus.isShutdown) setEventBus(new EventBus());
  else if (shared.attachment?.waiting) shared.attachment.look();
  return shared.bus as EventBus;
}

/** Makes this the bus of the process. */
export function setEventBus(bus: EventBus): void {
  const shared = registry();
  if (shared.bus === bus) return;
  shared.bus = bus;
  if (!shared.attachment) return;
  shared.attachment.close();
  shared.attachment = attach(bus);
}

/** Attaches the bus of this process, and whichever takes its place, to the global providers. Twice is once. */
export function attachEventBus(): Attachment {
  const shared = registry();
  shared.attachment ??= attach(getEventBus());
  return shared.attachment;
}

/** Forgets the bus of the process; it is not shut down. */
export function resetEventBus(): void {
  const shared = registry();
  shared.bus = undefined;
  shared.toldOfMissingBus = false;
}

/** The run id that a span started here would get. */
export function currentRunId(): string | undefined {
  const { bus } = registry();
  if (bus) return bus.currentRunId();
  const active = context.active();
  return bindingOf(active)?.runId ?? trace.getSpanContext(active)?.traceId;
}

/** `emit` on the bus of the process. Without one it does nothing, and says so once. */
export function emit(type: EventType, data?: object): BusEvent | undefined {
  const shared = registry();
  if (shared.bus) return shared.bus.emit(type, data);
  if (shared.toldOfMissingBus) return undefined;
  shared.toldOfMissingBus = true;
  tell("warn", "emit() without a bus; call getEventBus() or setEventBus() first");
  return undefined;
}
