import { ROOT_CONTEXT } from "@opentelemetry/api";
import { isName } from "../bus/checks.js";
import type { EventHub } from "../bus/event-hub.js";
import type { Run } from "../bus/run.js";
import { type Binding, remoteRunId } from "./binding.js";
import type { InletSettings } from "./options.js";
import type { RunLives, RunScope } from "./run-life.js";
import type { ContextLike, SpanLike } from "./signals.js";
import type { SpanRecord } from "./span-record.js";

/** Says to which generation of which run a span belongs. */
export class RunResolver {
  readonly #hub: EventHub;
  readonly #lives: RunLives;
  readonly #settings: Pick<InletSettings, "runId" | "acceptRemoteRun">;
  readonly #bound = new WeakMap<Binding, Run>();
  readonly #scopes = new WeakMap<Binding, RunScope>();

  constructor(hub: EventHub, lives: RunLives, settings: Pick<InletSettings, "runId" | "acceptRemoteRun">) {
    this.#hub = hub;
    this.#lives = lives;
    this.#settings = settings;
  }

  /** The first rule that says something, in the order of the documentation. Undefined: sealed, so refused. */
  resolve(
    record: SpanRecord,
    span: SpanLike,
    context: ContextLike | undefined,
    named: () => string | undefined,
  ): Run | undefined {
    const { runId, acceptRemoteRun } = this.#settings;
    const ancestor = record.eventParent;
    if (runId) {
      const id = this.#valid(this.#hub.decide("runId", () => runId(span, context ?? ROOT_CONTEXT), undefined));
      if (id !== undefined) return this.#chosen(id, record);
    }
    if (record.ownBinding) return this.bound(record.ownBinding);
    if (acceptRemoteRun) {
      const id = this.#valid(remoteRunId(context));
      if (id !== undefined) return this.remote(id);
    }
    // What began in a sealed run is of no other.
    if (record.refusedIn !== undefined) return undefined;
    if (ancestor?.run) return ancestor.run;
    if (record.binding) return this.bound(record.binding);
    return this.unbound(this.#valid(named()) ?? record.trace.id, record);
  }

  /** The generation of an id that the `runId` option says: that of what is around and has the same id. */
  #chosen(runId: string, record: SpanRecord): Run | undefined {
    const { ownBinding, binding, eventParent } = record;
    if (ownBinding?.runId === runId) return this.bound(ownBinding);
    if (eventParent?.run?.id === runId) return eventParent.run;
    return binding?.runId === runId ? this.bound(binding) : this.unbound(runId, record);
  }

  /** The generation of a binding: opened by its first event, sealed with the run for ever. */
  bound(binding: Binding): Run | undefined {
    const known = this.#bound.get(binding);
    const newest = this.#hub.run(binding.runId);
    // One that never had an event may have been forgotten meanwhile.
    if (
      known &&
      known.state !== "dropped" &&
      (known.known || known.state === "closed" || newest === known || newest?.next === known)
    )
      return known;
    const scope = this.scopeOf(binding);
    if (scope?.closed && known?.state !== "dropped") return undefined;
    if (newest && binding.order < (newest.state === "closed" ? newest.sealedAt : newest.sealedBefore)) return undefined;
    const run = this.#hub.openNextRun(binding.runId);
    if (!run) return undefined;
    this.#bound.set(binding, run);
    if (!run.known) run.parentRunId ??= binding.parentRunId;
    const life = this.#lives.of(run);
    life.owned = true;
    if (!scope || scope.joinsContext) life.contextBound = true;
    else {
      life.scope = scope;
      scope.run = run;
    }
    return run;
  }

  /** The generation that a binding opened, if it did. */
  runOf(binding: Binding): Run | undefined {
    return this.#bound.get(binding);
  }

  /** The generation of an id that nobody bound: the next one when a new local root came after the seal. */
  unbound(runId: string, record?: SpanRecord): Run | undefined {
    const newest = this.#hub.run(runId);
    const begins = newest?.state === "closed" && record !== undefined && beganAfter(newest, record);
    if (newest?.state === "closed" && !begins) return newest;
    const run = begins ? this.#hub.openNextRun(runId) : this.#hub.openRun(runId);
    // Owned by what is said here, whatever a request brought along before.
    if (run && this.#settings.acceptRemoteRun && record?.trace.owned) this.#lives.of(run).owned = true;
    return run;
  }

  enterScope(binding: Binding, scope: RunScope): void {
    this.#scopes.set(binding, scope);
  }

  /** The `bus.run` that a binding belongs to: its own, or the one of this id in which `runContext` was called. */
  scopeOf(binding: Binding | undefined): RunScope | undefined {
    const own = binding && this.#scopes.get(binding);
    if (own || !binding?.call) return own;
    const around = this.#scopes.get(binding.call);
    if (!around || around.closed) return undefined;
    this.#scopes.set(binding, around);
    return around;
  }

  /** The run id that came with baggage, where that is accepted. */
  acceptedRunId(context: ContextLike | undefined): string | undefined {
    const id = this.#settings.acceptRemoteRun ? remoteRunId(context) : undefined;
    return isName(id) ? id : undefined;
  }

  /** The generation of an id that came with baggage, which never seals, and never opens what is sealed. */
  remote(runId: string): Run | undefined {
    const run = this.#hub.openRun(runId) ?? this.#hub.run(runId);
    if (run && run.state !== "closed") this.#lives.of(run).remote = true;
    return run;
  }

  #valid(id: unknown): string | undefined {
    if (id === undefined || id === null) return undefined;
    if (isName(id)) return id;
    this.#hub.refuse("invalid");
    return undefined;
  }
}

/**
 * Whether the local root of a span began after the run was sealed. Of one below a span that nobody saw it is not known: that
 * is taken to be of the sealed run in a trace of that, and to be new in another.
 */
function beganAfter(sealed: Run, { root, trace }: SpanRecord): boolean {
  return root.order > 0 ? root.order > sealed.sealedAt : sealed.id !== trace.id && !sealed.traceIds.has(trace.id);
}
