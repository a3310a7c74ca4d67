// An application that uses require(), and starts its SDK by itself, twice. It prints the types of what the bus saw each time.
const { trace } = require("@opentelemetry/api");
const { NodeSDK } = require("@opentelemetry/sdk-node");
const { getEventBus } = require("spanbus");

async function once() {
  const sdk = new NodeSDK();
  sdk.start();
  const bus = getEventBus();
  const attributes = { "gen_ai.operation.name": "invoke_agent" };
  const agent = trace.getTracer("agent").startSpan("invoke_agent guide", { attributes });
  agent.end();
  const types = bus.history(agent.spanContext().traceId).map(({ type }) => type);
  await sdk.shutdown();
  trace.disable();
  return types;
}

async function main() {
  process.stdout.write(JSON.stringify([await once(), await once()]));
  process.exit();
}

main();
