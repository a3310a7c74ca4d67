import { attachEventBus } from "./otel/process-bus.js";

/**
 * `node --import <your SDK> --import spanbus/register app.js` attaches the bus of the process to the global providers: now, or
 * as soon as the application registers some.
 */
attachEventBus();

/** How the bus of the process is attached. */
export { attachEventBus };
