/** Prints what it reads of a run, an event a line, and how that ended. */
import { RedisEventSource } from "spanbus/redis";
import { type ClientName, clients } from "../clients.js";

const [url = "", name = "node-redis", runId = "", after] = process.argv.slice(2);

const { client, close } = await clients[name as ClientName](url);
const source = new RedisEventSource({ client });
const reader = source.subscribe(runId, after === undefined ? {} : { after });
await reader.attached;
process.stdout.write("reads http://127.0.0.1:0\n");
for await (const event of reader) process.stdout.write(`${JSON.stringify(event)}\n`);
process.stdout.write(`${JSON.stringify({ end: await reader.ended })}\n`);
source.close();
close();
