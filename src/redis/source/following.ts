import type { BusEvent } from "../../bus/event.js";
import { type Message, parseMessage } from "../batch.js";
import type { Keys } from "../keys.js";
import { type Attempts, patiently } from "../patience.js";
import { RedisError } from "../port/redis-error.js";
import type { RedisPort } from "../port/redis-port.js";
import { read } from "../scripts.js";
import type { Channels } from "./channels.js";
import { FollowedRun, type FollowHost } from "./followed-run.js";
import { standingOf } from "./standing.js";

export interface FollowingOptions {
  readonly port: Pick<RedisPort, "run">;
  readonly keys: Keys;
  readonly channels: Channels;
  readonly maxQueueSize: number;
  readonly lookMillis: number;
  now(): number;
  received(event: BusEvent): void;
  fetched(events: number): void;
  /** A message came. */
  arrived(message: Message): void;
  isSteady(): boolean;
  failed(error: unknown): void;
}

interface Followed {
  readonly run: FollowedRun;
  readonly channel: string;
  /** Settles when its messages come. */
  readonly subscribed: Promise<void>;
  /** Readers, and those that are about to attach. */
  users: number;
  look: ReturnType<typeof setTimeout> | undefined;
}

/** The runs that have readers here. */
export class Following {
  readonly #options: FollowingOptions;
  readonly #byChannel = new Map<string, Followed>();
  #isClosed = false;

  constructor(options: FollowingOptions) {
    this.#options = options;
  }

  get(runId: string): FollowedRun | undefined {
    return this.#byChannel.get(this.#options.keys.of(runId).channel)?.run;
  }

  *all(): Iterable<FollowedRun> {
    for (const { run } of this.#byChannel.values()) yield run;
  }

  /** The run, for as long as the reader stays, until it calls `leave`. Twice is once. */
  async join(runId: string): Promise<{ readonly run: FollowedRun; leave(): void }> {
    const { channel } = this.#options.keys.of(runId);
    const followed = this.#byChannel.get(channel) ?? this.#begin(runId, channel);
    followed.users += 1;
    try {
      await followed.subscribed;
      let hasLeft = false;
      const leave = (): void => {
        if (!hasLeft) this.#left(followed);
        hasLeft = true;
      };
      return { run: followed.run, leave };
    } catch (error) {
      this.#left(followed);
      throw error;
    }
  }

  message(channel: string, text: string): void {
    const followed = this.#byChannel.get(channel);
    const message = followed && parseMessage(text);
    if (!message) return;
    this.#options.arrived(message);
    followed.run.message(message);
  }

  resumed(): void {
    for (const { run } of this.#byChannel.values()) run.resumed();
  }

  close(): void {
    this.#isClosed = true;
    for (const { run, look } of this.#byChannel.values()) {
      clearTimeout(look);
      run.finish({ reason: "shutdown" });
    }
  }

  #begin(runId: string, channel: string): Followed {
    const { channels, port, keys, maxQueueSize, now, received, fetched, isSteady, failed } = this.#options;
    const attempts: Attempts = { failed, isNeeded: () => !this.#isClosed && followed.users > 0 };
    const host: FollowHost = {
      ...{ maxQueueSize, now, received, fetched, isSteady, failed },
      read: async (id, after) => {
        const cursor = after ? [after.epoch, String(after.seq)] : ["", "0"];
        return standingOf(await patiently(() => port.run(read, keys.of(id).keys, cursor), attempts));
      },
    };
    const followed: Followed = {
      run: new FollowedRun(runId, host),
      channel,
      // Begun behind the next line, when somebody uses it.
      subscribed: Promise.resolve().then(() => channels.subscribe(channel, attempts)),
      users: 0,
      look: undefined,
    };
    this.#byChannel.set(channel, followed);
    followed.subscribed.then(
      () => this.#lookLater(followed, this.#options.lookMillis),
      () => undefined,
    );
    return followed;
  }

  #left(followed: Followed): void {
    followed.users -= 1;
    if (followed.users > 0) return;
    clearTimeout(followed.look);
    this.#byChannel.delete(followed.channel);
    // Refused, it was never subscribed to; away, nothing is.
    if (!this.#isClosed) this.#options.channels.unsubscribe(followed.channel).catch(() => undefined);
  }

  #lookLater(followed: Followed, millis: number): void {
    if (this.#isClosed || followed.users === 0) return;
    followed.look = setTimeout(() => this.#look(followed), millis);
    followed.look.unref();
  }

  async #look(followed: Followed): Promise<void> {
    const { lookMillis, failed } = this.#options;
    try {
      this.#lookLater(followed, await followed.run.look(lookMillis));
    } catch (error) {
      if (followed.users === 0 || this.#isClosed) return;
      if (error instanceof RedisError && error.isFinal) followed.run.finish({ reason: "cut" });
      else failed(error);
    }
  }
}
