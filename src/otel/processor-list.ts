import { attempt } from "../bus/attempt.js";

/** The processors that a provider calls, in order. */
export interface ProcessorList {
  /** Also those that another one holds, as `@vercel/otel` does it. */
  all(): readonly unknown[];
  addFirst(processor: object): void;
  remove(processor: object): void;
}

type Fields = Record<string, unknown>;

/**
 * The processors of a tracer provider. Their list is private, but has stood in the same place from SDK 2.0.0 to 3.1.1.
 * Undefined: not there. A provider of another maker may have `addSpanProcessor`, as SDK 1.x had.
 */
export function spanProcessors(provider: unknown): ProcessorList | undefined {
  const multi = fieldsOf(fieldsOf(provider)?.["_activeSpanProcessor"]);
  return list([[multi, "_spanProcessors"]]) ?? growingOnly(provider, "addSpanProcessor");
}

/** The processors of a logger provider, which keeps one array in several places. */
export function logProcessors(provider: unknown): ProcessorList | undefined {
  const shared = fieldsOf(fieldsOf(provider)?.["_sharedState"]);
  const places: Place[] = [
    [fieldsOf(shared?.["activeProcessor"]), "processors"],
    [shared, "processors"],
    [shared, "registeredLogRecordProcessors"],
  ];
  return list(places) ?? growingOnly(provider, "addLogRecordProcessor");
}

type Place = readonly [holder: Fields | undefined, key: string];

/** The first place is the one that is called. */
function list(places: readonly Place[]): ProcessorList | undefined {
  const read = ([holder, key]: Place): unknown => holder?.[key];
  const [called] = places;
  if (!called || !Array.isArray(read(called))) return undefined;
  const own = (): readonly unknown[] => read(called) as readonly unknown[];
  // A new array: the old one may be the caller's, and may be being walked right now.
  const replace = (processors: readonly unknown[]): void => {
    for (const place of places) {
      const [holder, key] = place;
      if (holder && Array.isArray(read(place))) holder[key] = processors;
    }
  };
  return {
    all: () => own().flatMap(heldBy),
    addFirst: (processor) => replace([processor, ...own()]),
    remove: (processor) => replace(own().filter((each) => each !== processor)),
  };
}

/** A processor that only hands on is those it hands on to. */
function heldBy(processor: unknown): readonly unknown[] {
  const fields = fieldsOf(processor);
  const held = fields?.["processors"] ?? fields?.["_spanProcessors"];
  return Array.isArray(held) ? held : [processor];
}

/** What is added there stays there. */
function growingOnly(provider: unknown, method: string): ProcessorList | undefined {
  const add = fieldsOf(provider)?.[method];
  if (typeof add !== "function") return undefined;
  return { all: () => [], addFirst: (processor) => add.call(provider, processor), remove: () => {} };
}

function fieldsOf(value: unknown): Fields | undefined {
  return typeof value === "object" && value !== null ? (value as Fields) : undefined;
}

/** What a provider is called in a message. */
export function nameOf(provider: unknown): string {
  return attempt(() => fieldsOf(provider)?.constructor?.name, undefined) || typeof provider;
}
