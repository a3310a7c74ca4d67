/** Events of your own, as OpenTelemetry log events: what is emitted inside a run becomes an event of that run. */
import { context } from "@opentelemetry/api";
import { SeverityNumber } from "@opentelemetry/api-logs";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import { LoggerProvider } from "@opentelemetry/sdk-logs";
import { EventBus } from "spanbus";

// The bus is a log record processor, too. Exporters go beside it in the list.
const bus = new EventBus();
const provider = new LoggerProvider({ processors: [bus] });
context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
const logger = provider.getLogger("checkout");

const reading = (async () => {
  for await (const event of bus.subscribe("order-7")) {
    console.log(`order-7 │ ${event.type} ${JSON.stringify(event.data)}`);
  }
})();

await bus.run("order-7", async () => {
  logger.emit({ eventName: "basket.checked", attributes: { items: 3 } });
  await pay(129.9);
  logger.emit({ body: "a plain log line has no event name and stays out" });
  // Where there is no logger at hand, the bus takes events itself.
  bus.emit("order.placed", { total: 129.9, currency: "EUR" });
});
await reading;

// Outside of any run there is nobody to tell it to.
logger.emit({ eventName: "shop.closed" });
console.log(
  `Runs on the bus: ${bus
    .runs()
    .map((run) => `${run.runId}, ${run.events} events`)
    .join("; ")}`,
);
await provider.shutdown();

async function pay(amount: number): Promise<void> {
  await Promise.resolve();
  logger.emit({
    eventName: "payment.authorized",
    severityNumber: SeverityNumber.INFO,
    attributes: { amount },
    body: "card ending in 42",
  });
}
