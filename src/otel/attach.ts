import { wrong } from "../bus/checks.js";
import type { DisposableLike } from "../bus/taps.js";
import type { EventBus } from "./event-bus.js";
import {
  globalLoggerProvider,
  globalTracerProvider,
  whenLoggerProvider,
  whenReal,
  whenTracerProvider,
} from "./global-providers.js";
import { logProcessors, nameOf, type ProcessorList, spanProcessors } from "./processor-list.js";
import { tell } from "./tell.js";

const LOOK_MILLIS = 1000;
/** Looks in vain before `diag` is told. */
const PATIENCE = 10;

export interface AttachmentMembers {
  /** Whether the spans of a provider reach the bus. */
  readonly spans: boolean;
  /** Whether the log records of a provider reach the bus. */
  readonly logs: boolean;
  /** Whether a tracer provider is still waited for. */
  readonly waiting: boolean;
  /**
   * Stops waiting, and takes the bus out of the providers that it was put into, unless another attachment of it is there. The
   * bus goes on.
   */
  close(): void;
  /**
   * Looks whether there is a provider by now.
   * @internal
   */
  look(): void;
}

/** What `attach` returns; `using` takes the bus out again at the end of the block. */
export type Attachment = AttachmentMembers & DisposableLike;

/**
 * Puts the bus into a tracer provider or a logger provider that was built without it; by default into the global ones, now
 * or as soon as they are registered. The bus comes first in the list, and never twice. Where a constructor takes processors,
 * name the bus there instead: a provider has no public way to add one later, so this is a private one. Where that is missing
 * too, `diag` says so and `spans` or `logs` stays false.
 *
 * @throws TypeError when `bus` is no bus or `provider` no object.
 */
export function attach(bus: EventBus, provider?: unknown): Attachment {
  if (typeof bus?.onStart !== "function" || typeof bus.onEmit !== "function") {
    throw wrong(TypeError, "bus", "an EventBus", bus);
  }
  if (provider !== undefined && (typeof provider !== "object" || provider === null)) {
    throw wrong(TypeError, "provider", "a tracer provider or a logger provider", provider);
  }
  return new Seats(bus, provider);
}

/** The places a bus has in providers, and the waiting for them. */
class Seats implements AttachmentMembers {
  spans = false;
  logs = false;
  waiting = true;
  readonly #bus: EventBus;
  readonly #given: unknown;
  readonly #undo: (() => void)[] = [];

  constructor(bus: EventBus, given: unknown) {
    this.#bus = bus;
    this.#given = given;
    guarded(() => this.#wait());
    if (this.waiting) this.#undo.push(this.#lookEverySecond());
  }

  close(): void {
    this.spans = false;
    this.logs = false;
    this.waiting = false;
    for (const undo of this.#undo.splice(0)) guarded(undo);
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /** Some set-ups throw away what the API has before they register something, and what waits there with it. */
  look(): void {
    const provider = this.waiting && this.#given === undefined ? globalTracerProvider() : undefined;
    if (!provider) return;
    this.#joinTracerProvider(provider);
    const loggers = this.logs ? undefined : globalLoggerProvider();
    if (loggers) this.#joinLoggerProvider(loggers);
  }

  #wait(): void {
    if (this.#given !== undefined) {
      this.#undo.push(whenReal(this.#given, (provider) => this.#joinEither(provider)));
      return;
    }
    this.#undo.push(whenTracerProvider((provider) => this.#joinTracerProvider(provider)));
    this.#undo.push(whenLoggerProvider((provider) => this.#joinLoggerProvider(provider)));
  }

  #joinEither(provider: unknown): void {
    this.waiting = false;
    if (logProcessors(provider)) this.#joinLoggerProvider(provider);
    else this.#joinTracerProvider(provider);
  }

  #joinTracerProvider(provider: unknown): void {
    this.waiting = false;
    guarded(() => {
      this.spans = this.#join(spanProcessors(provider), provider);
    });
  }

  #joinLoggerProvider(provider: unknown): void {
    guarded(() => {
      this.logs = this.#join(logProcessors(provider), provider);
    });
  }

  #join(processors: ProcessorList | undefined, provider: unknown): boolean {
    const bus = this.#bus;
    if (!processors) {
      const what = `\`${nameOf(provider)}\` keeps no list of processors that a bus could join`;
      tell("warn", `attach: ${what}; give the bus to its constructor, or to the set-up that makes it`);
      return false;
    }
    const key = provider as object;
    const held = bus.attachments.get(key) ?? 0;
    if (held === 0) {
      // Its constructor was given the bus, which stays.
      if (processors.all().includes(bus)) return true;
      processors.addFirst(bus);
    }
    bus.attachments.set(key, held + 1);
    this.#undo.push(() => {
      const left = (bus.attachments.get(key) ?? 1) - 1;
      bus.attachments.set(key, left);
      if (left === 0) processors.remove(bus);
    });
    return true;
  }

  #lookEverySecond(): () => void {
    let looks = 0;
    const timer: { unref?(): unknown } & ReturnType<typeof setInterval> = setInterval(() => {
      guarded(() => this.look());
      looks += 1;
      if (!this.waiting) clearInterval(timer);
      else if (looks === PATIENCE) tell("warn", "attach: no tracer provider was registered so far; waiting for one");
    }, LOOK_MILLIS);
    // Waiting for a provider holds no process open.
    timer.unref?.();
    return () => clearInterval(timer);
  }
}

/** Nothing that a provider or the API does reaches the application. */
function guarded(act: () => void): void {
  try {
    act();
  } catch (error) {
    tell("warn", "attach: the provider could not be changed", error);
  }
}
