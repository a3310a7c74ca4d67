/** A refusal that depends on the state of the bus. Told apart by `code`. */
export class EventBusError extends Error {
  /** `SPANBUS_SUBSCRIBER_LIMIT`: as many readers are attached as `maxRunSubscribers` or `maxGlobalSubscribers` allows. */
  readonly code: "SPANBUS_SUBSCRIBER_LIMIT";

  constructor(code: EventBusError["code"], message: string) {
    super(`${code}: ${message}`);
    this.name = "EventBusError";
    this.code = code;
  }
}
