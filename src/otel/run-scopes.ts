import { context } from "@opentelemetry/api";
import { attempt } from "../bus/attempt.js";
import { isName } from "../bus/checks.js";
import { Deadline } from "../bus/deadlines.js";
import type { Outcome } from "../bus/event.js";
import type { EventHub } from "../bus/event-hub.js";
import { isPlain, isPromise, withPropertiesOf } from "../bus/promises.js";
import type { Run } from "../bus/run.js";
import { isAbort } from "../conventions/failure.js";
import { type Binding, bind, bindingOf } from "./binding.js";
import { registered } from "./registered.js";
import { nextInOrder } from "./registry.js";
import type { RunLives, RunScope } from "./run-life.js";
import type { RunResolver } from "./run-resolver.js";
import { tell } from "./tell.js";

/** Instrumentations that are told later than the caller are told within this time, in milliseconds. */
const patienceMillis = 100;

/** `bus.run`: binds a run to a function, and closes it when the function and its spans are over. */
export class RunScopes {
  readonly #hub: EventHub;
  readonly #lives: RunLives;
  readonly #resolver: RunResolver;
  readonly #flush: () => void;
  #warned = false;
  readonly #inProgress = new Map<string, RunScope>();

  constructor(hub: EventHub, lives: RunLives, resolver: RunResolver, flush: () => void) {
    this.#hub = hub;
    this.#lives = lives;
    this.#resolver = resolver;
    this.#flush = flush;
  }

  run<T>(givenId: string | undefined, parentRunId: string | undefined, fn: (runId: string) => T): T {
    if (givenId !== undefined && !isName(givenId)) this.#hub.refuse("invalid");
    const runId = isName(givenId) ? givenId : crypto.randomUUID();
    const active = context.active();
    const ambient = bindingOf(active);
    const before = this.#inProgress.get(runId);
    // What is run again after a rejection, or after its run was closed or dropped, is another generation.
    if (before?.rejected) this.#close(before, before.rejected);
    else if (before && this.#isSealed(before)) this.over(before);
    const scope =
      this.#inProgress.get(runId) ?? this.#begin(runId, ambient?.runId === runId && !this.#resolver.scopeOf(ambient));
    // Who joins a run did not begin it.
    const begins = scope.active === 0 && parentRunId !== runId;
    const { context: bound, binding } = bind(active, runId, {
      isCall: true,
      parentRunId: begins ? parentRunId : undefined,
    });
    this.#resolver.enterScope(binding, scope);
    scope.active += 1;
    let result: T;
    try {
      result = context.with(bound, () => {
        if (bindingOf(context.active()) !== binding) this.#warnOfMissingManager();
        return fn(runId);
      });
    } catch (error) {
      this.#settled(scope, binding, thrownOutcome(error));
      throw error;
    }
    if (isPromise(result)) return this.#followed(scope, binding, result) as T;
    this.#settled(scope, binding);
    return result;
  }

  /**
   * The same promise for the caller, with what properties it has, who alone says whether a rejection is handled. One of a class
   * of its own is returned as it is, since its methods are part of the result.
   */
  #followed(scope: RunScope, binding: Binding, promise: Promise<unknown>): Promise<unknown> {
    let followed: Promise<unknown>;
    try {
      followed = promise.then(
        (value) => {
          this.#settled(scope, binding);
          return value;
        },
        (error: unknown) => {
          this.#settled(scope, binding, thrownOutcome(error), true);
          throw error;
        },
      );
    } catch {
      // It only looks like one, and nobody can wait for it.
      this.#settled(scope, binding);
      return promise;
    }
    if (!isPromise(followed)) return promise;
    if (isPlain(promise)) return withPropertiesOf(followed, promise);
    followed.catch(() => undefined);
    return promise;
  }

  /** The generation that a call in progress will begin behind a sealed one. */
  next(runId: string): Run | undefined {
    const scope = this.#inProgress.get(runId);
    if (!scope || scope.run?.known || this.#isSealed(scope)) return undefined;
    return this.#hub.run(runId)?.state === "closed" ? this.#hub.openNextRun(runId) : undefined;
  }

  /** Its run was closed: what is called from now on begins another one. */
  over(scope: RunScope): void {
    scope.closed = true;
    this.#hub.deadlines.clear(scope.look);
    if (this.#inProgress.get(scope.runId) === scope) this.#inProgress.delete(scope.runId);
  }

  /** Its run, or its id before there was an event, was closed or dropped. */
  #isSealed({ run, runId, order }: RunScope): boolean {
    if (run?.known) return run.state !== "open";
    const newest = this.#hub.run(runId);
    return newest?.state === "closed" && newest.sealedAt > order;
  }

  /** A span begun under the scope ended. */
  spanEnded(scope: RunScope): void {
    if (scope.active > 0 || scope.open > 0 || scope.closed) return;
    if (scope.rejected) this.#close(scope, scope.rejected);
    else this.#lookSoon(scope);
  }

  /** Without one nothing that the function starts can be told to be of the run. */
  #warnOfMissingManager(): void {
    if (this.#warned) return;
    this.#warned = true;
    const { context: manager, version } = registered();
    const reason = manager
      ? `the application has @opentelemetry/api ${version}, and the newer copy that spanbus has sees nothing of it, so run() binds nothing; install one for both`
      : "no context manager is registered, so run() binds nothing; see context.setGlobalContextManager()";
    tell("warn", reason);
  }

  #begin(runId: string, joinsContext: boolean): RunScope {
    const scope: RunScope = {
      runId,
      joinsContext,
      order: nextInOrder(),
      active: 0,
      open: 0,
      openRoots: 0,
      closed: false,
      rejected: undefined,
      run: undefined,
      look: new Deadline(() => this.#look(scope)),
    };
    scope.look.keepsAlive = true;
    this.#inProgress.set(runId, scope);
    return scope;
  }

  /** `outcome` if the function threw; `later` if by a rejection, which the caller may hear of before instrumentations do. */
  #settled(scope: RunScope, binding: Binding, outcome?: Outcome, later = false): void {
    binding.isOver = true;
    scope.active -= 1;
    if (scope.active > 0 || scope.closed) return;
    this.#flush();
    if (scope.joinsContext) this.#inProgress.delete(scope.runId);
    else if (outcome && later && scope.open > 0) this.#waitForSpans(scope, outcome);
    else if (outcome) this.#close(scope, outcome);
    else {
      this.#lookSoon(scope);
      this.#consider(scope);
    }
  }

  #waitForSpans(scope: RunScope, outcome: Outcome): void {
    scope.rejected = outcome;
    const patience = Math.min(patienceMillis, this.#lives.graceMillis);
    this.#hub.deadlines.set(scope.look, this.#hub.deadlines.now() + patience);
  }

  /** Streaming SDKs start their spans after they have returned: so one macrotask later. */
  #lookSoon(scope: RunScope): void {
    if (!scope.joinsContext) this.#hub.deadlines.set(scope.look, this.#hub.deadlines.now());
  }

  #look(scope: RunScope): void {
    this.#flush();
    if (scope.active > 0 || scope.closed) return;
    if (scope.rejected || scope.open === 0) return this.#close(scope, scope.rejected);
    this.#consider(scope);
  }

  #consider({ run }: RunScope): void {
    const life = run && this.#lives.get(run);
    if (life) this.#lives.consider(life);
  }

  #close(scope: RunScope, outcome?: Outcome): void {
    this.over(scope);
    const { run, runId } = scope;
    if (run && !this.#isContextBound(run)) this.#hub.close(run, outcome);
    if (run?.known && run.state !== "dropped") return;
    const newest = this.#hub.run(runId);
    // What began under the id of a dropped run is of somebody else.
    if (run?.known && newest?.known) return;
    // Without an event there may still be readers who wait for the run.
    if (!this.#isContextBound(newest)) this.#hub.closeStream(runId, outcome);
  }

  /** What `runContext` bound as well goes on until `closeStream`. */
  #isContextBound(run: Run | undefined): boolean {
    return run !== undefined && this.#lives.get(run)?.contextBound === true;
  }
}

function thrownOutcome(error: unknown): Outcome {
  // It may be an error that does not let itself be looked at.
  const isCancel = attempt(() => error instanceof Error && isAbort(error.name, error.message), false);
  return isCancel ? "cancelled" : "failed";
}
