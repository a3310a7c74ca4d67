export type { Asked, Authorize, Grant, Permission } from "./authorize.js";
export { createHandler, type Handler } from "./handler.js";
export type { HandlerOptions } from "./options.js";
export type { ReadableBus } from "./readable-bus.js";
