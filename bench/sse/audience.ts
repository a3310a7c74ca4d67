import { type ChildProcess, fork } from "node:child_process";
import { expectNumbers } from "../inputs/notes.js";
import { RUN } from "./event.js";
import type { Answer, Command } from "./protocol.js";
import type { SseServer } from "./servers.js";

const program = new URL("../sse/clients.js", import.meta.url);

/** Clients of one server, in a process of their own. */
export class SseAudience {
  readonly #server: SseServer;
  readonly #child: ChildProcess;
  readonly #answers: Answer[] = [];
  #awaits: ((answer: Answer) => void) | undefined;
  #published = 0;

  constructor(server: SseServer, query = "wait&after=live") {
    this.#server = server;
    this.#child = fork(program, [String(server.port), `/runs/${RUN}/events?${query}`], { execArgv: [] });
    this.#child.on("message", (answer: Answer) => {
      const taken = this.#awaits;
      this.#awaits = undefined;
      if (taken) taken(answer);
      else this.#answers.push(answer);
    });
    this.#child.on("exit", (code) => {
      if (code) throw new Error(`the clients ended with ${code}`);
    });
  }

  async ask<Did extends Command["do"]>(command: Command & { do: Did }): Promise<Extract<Answer, { did: Did }>> {
    this.#child.send(command);
    return (await this.#next()) as Extract<Answer, { did: Did }>;
  }

  /** Publishes so many events in one turn and waits until everybody who reads has them, as `rounds` says. */
  async turn(events: number): Promise<void> {
    for (let index = 0; index < events; index += 1) {
      this.#published += 1;
      this.#server.publish(this.#published);
    }
    this.#server.endTurn?.();
    await this.#next();
  }

  leave(): Promise<unknown> {
    return new Promise((resolve) => {
      this.#child.once("exit", resolve);
      this.#child.disconnect();
    });
  }

  #next(): Promise<Answer> {
    const answer = this.#answers.shift();
    if (answer) return Promise.resolve(answer);
    return new Promise((resolve) => {
      this.#awaits = resolve;
    });
  }
}

/** Throws unless each of three clients gets everything, once and in order, in turns of many events and of one. */
export async function proveSse(server: SseServer): Promise<void> {
  const audience = new SseAudience(server);
  await audience.ask({ do: "connect", clients: 3 });
  let published = 0;
  for (const events of [1, 1, 16, 1, 16, 64]) {
    await audience.ask({ do: "rounds", events });
    await audience.turn(events);
    published += events;
  }
  const { numbers } = await audience.ask({ do: "numbers" });
  for (const each of numbers) expectNumbers(each, 1, published);
  await audience.leave();
}
