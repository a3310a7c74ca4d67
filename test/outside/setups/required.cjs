// An application that uses require(), and starts its SDK by itself. It prints the types of what the bus saw.
const { trace } = require("@opentelemetry/api");
const { NodeSDK } = require("@opentelemetry/sdk-node");
const { getEventBus } = require("spanbus");

new NodeSDK().start();
const attributes = { "gen_ai.operation.name": "invoke_agent" };
const agent = trace.getTracer("agent").startSpan("invoke_agent guide", { attributes });
agent.end();
const history = getEventBus().history(agent.spanContext().traceId);
process.stdout.write(JSON.stringify(history.map(({ type }) => type)));
process.exit();
