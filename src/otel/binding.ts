import { type Context, context, createContextKey, propagation } from "@opentelemetry/api";
import { isName } from "../bus/checks.js";
import { nextInOrder } from "./registry.js";
import type { ContextLike } from "./signals.js";

/**
 * A run id bound in an OpenTelemetry context, made anew by every `runContext` and `run`. A close seals the bindings that
 * were made before it, so that a context leaked out of a run can never write into a later one.
 */
export interface Binding {
  readonly runId: string;
  /** Place in the order of bindings and closes of this process. */
  readonly order: number;
  readonly parentRunId?: string | undefined;
  /** Made by `run`, which closes what it binds. */
  readonly isCall: boolean;
  /** Of one that `runContext` made: the nearest `run` of the same id around it. */
  readonly call?: Binding | undefined;
  /** The nearest `run` around it, of whatever id, that was not over when last looked at. */
  outer?: Binding | undefined;
  /** Of one that `run` made: its function has settled. */
  isOver?: boolean;
}

/** Baggage entry that carries the run id to other processes. */
export const RUN_BAGGAGE = "spanbus.run.id";

const KEY = createContextKey("spanbus.binding");
const BAGGAGE_KEY = createContextKey("OpenTelemetry Baggage Key");

export function bindingOf(from: ContextLike | undefined): Binding | undefined {
  const value = from?.getValue?.(KEY);
  return isBinding(value) ? value : undefined;
}

/** The run id that another process sent along. */
export function remoteRunId(from: ContextLike | undefined): unknown {
  const baggage = from?.getValue?.(BAGGAGE_KEY) as
    | { getEntry?(name: string): { value?: unknown } | undefined }
    | undefined;
  return baggage?.getEntry?.(RUN_BAGGAGE)?.value;
}

/** What `runContext` may be told. */
export interface RunContextOptions {
  /** Sends the run id along in W3C baggage with every outgoing request. Default false. */
  readonly propagate?: boolean | undefined;
}

/** A context bound to the run, with the baggage entry written, or an inherited one of another run taken out. */
export function bind(
  active: Context,
  runId: string,
  {
    propagate = false,
    isCall = false,
    parentRunId,
  }: RunContextOptions & { isCall?: boolean; parentRunId?: string | undefined },
): { context: Context; binding: Binding } {
  const around = bindingOf(active);
  const call = isCall ? undefined : callAround(around, runId);
  const binding: Binding = { runId, order: nextInOrder(), parentRunId, isCall, call, outer: outerOf(around) };
  const bound = active.setValue(KEY, binding);
  const baggage = propagation.getBaggage(bound);
  if (propagate) {
    const entries = (baggage ?? propagation.createBaggage()).setEntry(RUN_BAGGAGE, { value: runId });
    return { context: propagation.setBaggage(bound, entries), binding };
  }
  if (!baggage?.getEntry(RUN_BAGGAGE)) return { context: bound, binding };
  return { context: propagation.setBaggage(bound, baggage.removeEntry(RUN_BAGGAGE)), binding };
}

/**
 * Binds a run id for everything that `fn` starts, also asynchronously. Does not close the run's stream: that is
 * `closeStream`'s. An invalid id is ignored and `fn` runs all the same.
 */
export function runContext<T>(runId: string, fn: () => T, options?: RunContextOptions): T {
  if (!isName(runId)) return fn();
  return context.with(bind(context.active(), runId, { propagate: options?.propagate === true }).context, fn);
}

/** The nearest `run` of this id, of which what is bound here is a part. */
function callAround(around: Binding | undefined, runId: string): Binding | undefined {
  if (around?.runId === runId) return around.isCall ? around : around.call;
  let call = openCall(around);
  while (call && call.runId !== runId) call = openCall(call.outer);
  return call;
}

/** Those that are over are forgotten by those inside, so that what begins inside of what began before holds no chain of them. */
function outerOf(around: Binding | undefined): Binding | undefined {
  const outer = openCall(around);
  for (let each = outer; each; each = each.outer) each.outer = openCall(each.outer);
  return outer;
}

function openCall(binding: Binding | undefined): Binding | undefined {
  let call = binding;
  while (call && (!call.isCall || call.isOver)) call = call.outer;
  return call;
}

function isBinding(value: unknown): value is Binding {
  return typeof value === "object" && value !== null && "runId" in value && "order" in value;
}
