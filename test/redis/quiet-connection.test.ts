import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { publishNote, publishNotes, range, read, readOne, readToEnd, shown } from "../bus/support.js";
import { clientNames, clusterClients } from "./clients.js";
import { RedisCluster } from "./redis-cluster.js";
import { hasRedis } from "./redis-server.js";
import { Stages } from "./stage.js";

/** Messages do not come and nothing says so. In a cluster they come over a connection that is the client's own. */
describe.runIf(hasRedis()).each(clientNames)("a connection for messages that is quiet, through %s", (name) => {
  const stages = new Stages();
  let cluster: RedisCluster;
  beforeAll(async () => {
    cluster = await RedisCluster.start();
  }, 60_000);
  afterAll(() => cluster.stop());
  const begin = async (runId: string) => {
    const [one, other] = await Promise.all([clusterClients[name](cluster.url), clusterClients[name](cluster.url)]);
    const connect = (connection: typeof one) => ({ ...connection, command: async () => undefined });
    const bus = stages.bus();
    const relay = stages.relay(bus, connect(one));
    const source = stages.source(connect(other), { lookMillis: 50 });
    const reader = source.subscribe(runId);
    publishNote(bus, runId, 1);
    await readOne(reader);
    // Behind the back of the source.
    await other.client.unsubscribe(`spanbus:{${runId}}`);
    const close = async () => {
      source.close();
      await relay.close();
      one.close();
      other.close();
    };
    return { bus, relay, source, reader, close };
  };

  it("is found out while the run never rests, and what is missing is fetched", async () => {
    const { bus, relay, reader, close } = await begin("busy");
    let isRead = false;
    const reading = read(reader, 300).finally(() => {
      isRead = true;
    });
    for (let n = 2; !isRead; n += 1) {
      publishNote(bus, "busy", n);
      await relay.flush();
    }
    const numbers = shown(await reading);
    expect(numbers.filter((n) => typeof n === "number")).toEqual(numbers);
    expect(numbers).toEqual(range(2, 301));
    await close();
  });

  it("is found out when the run rests, and its end is told", async () => {
    const { bus, reader, close } = await begin("quiet");
    publishNotes(bus, "quiet", 2, 4);
    expect(shown(await read(reader, 3))).toEqual([2, 3, 4]);
    bus.closeStream("quiet", "failed");
    expect(await readToEnd(reader)).toEqual([]);
    expect(await reader.ended).toEqual({ reason: "closed", outcome: "failed" });
    await close();
  });
});
