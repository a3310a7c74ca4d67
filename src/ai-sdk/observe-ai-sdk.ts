import type { DisposableLike } from "../bus/taps.js";
import { anEventBus } from "../otel/beside.js";
import type { EventBus } from "../otel/event-bus.js";
import { ChannelListener } from "./channel-listener.js";

/** What `observeAiSdk` returns; `using` closes it at the end of the block. */
export type AiSdkInlet = DisposableLike & {
  /** Takes no new calls; those under way are followed to their end. */
  close(): void;
};

/**
 * Makes the calls of the AI SDK 7 events of the bus, also where `@ai-sdk/otel` is not registered: the SDK publishes them on
 * the channel `ai:telemetry` of Node. They are the events that its spans would have become. A call whose spans reach the
 * bus is left to them.
 *
 * Versions 5 and 6 publish nothing there; they make spans with `experimental_telemetry`.
 *
 * @throws TypeError if `bus` is no `EventBus`.
 */
export function observeAiSdk(bus: EventBus): AiSdkInlet {
  anEventBus(bus);
  const listener = new ChannelListener(bus);
  const dispose = (): void => listener.close();
  return { close: dispose, [Symbol.dispose]: dispose } as AiSdkInlet;
}
