import { wrong } from "../bus/checks.js";
import type { DisposableLike } from "../bus/taps.js";
import type { EventBus } from "./event-bus.js";
import { whenLoggerProvider, whenReal, whenTracerProvider } from "./global-providers.js";
import { logProcessors, nameOf, type ProcessorList, spanProcessors } from "./processor-list.js";
import { tell } from "./tell.js";

const PATIENCE_MILLIS = 10_000;

export interface AttachmentMembers {
  /** Whether the spans of a provider reach the bus. */
  readonly spans: boolean;
  /** Whether the log records of a provider reach the bus. */
  readonly logs: boolean;
  /** Whether a tracer provider is still waited for. */
  readonly waiting: boolean;
  /** Stops waiting, and takes the bus out of the providers that it was put into. The bus goes on. */
  close(): void;
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
  const undo: (() => void)[] = [];
  const state = { spans: false, logs: false, waiting: true };

  const join = (processors: ProcessorList | undefined, found: unknown): boolean => {
    if (!processors) {
      const what = `\`${nameOf(found)}\` keeps no list of processors that a bus could join`;
      tell("warn", `attach: ${what}; give the bus to its constructor, or to the set-up that makes it`);
      return false;
    }
    if (processors.all().includes(bus)) return true;
    processors.addFirst(bus);
    undo.push(() => processors.remove(bus));
    return true;
  };
  const joinTracerProvider = (found: unknown): void => {
    state.waiting = false;
    guarded(() => {
      state.spans = join(spanProcessors(found), found);
    });
  };
  const joinLoggerProvider = (found: unknown): void =>
    guarded(() => {
      state.logs = join(logProcessors(found), found);
    });
  const joinEither = (found: unknown): void => {
    state.waiting = false;
    if (logProcessors(found)) joinLoggerProvider(found);
    else joinTracerProvider(found);
  };

  guarded(() => {
    if (provider !== undefined) return void undo.push(whenReal(provider, joinEither));
    undo.push(whenTracerProvider(joinTracerProvider));
    undo.push(whenLoggerProvider(joinLoggerProvider));
  });
  if (state.waiting) undo.push(complainLater());

  const close = (): void => {
    state.waiting = false;
    for (const each of undo.splice(0)) guarded(each);
    state.spans = false;
    state.logs = false;
  };
  return {
    get spans() {
      return state.spans;
    },
    get logs() {
      return state.logs;
    },
    get waiting() {
      return state.waiting;
    },
    close,
    [Symbol.dispose]: close,
  };

  function complainLater(): () => void {
    const complain = (): void => {
      if (state.waiting)
        tell("warn", "attach: no tracer provider was registered so far; the bus goes on waiting for one");
    };
    const timer: { unref?(): unknown } & ReturnType<typeof setTimeout> = setTimeout(complain, PATIENCE_MILLIS);
    // Waiting for a provider holds no process open.
    timer.unref?.();
    return () => clearTimeout(timer);
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
