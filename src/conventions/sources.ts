import { Condition } from "./condition.js";
import type { Claim, ClaimedOperation, Convention, ConventionField, Source, SourceOptions } from "./convention.js";
import { type Facts, text, written } from "./facts.js";
import { TextPattern } from "./pattern.js";

/** A source of the table `origin`, ready to be read. */
export interface Reader {
  readonly origin: Convention;
  /** The attribute it reads, if it reads one. */
  readonly key: string | undefined;
  /** It reads a part of a text, where a number is written in digits. */
  readonly named: boolean;
  readonly unlike: ConventionField | undefined;
  read(facts: Facts, operation: ClaimedOperation | undefined): unknown;
}

/** Reads a source; a value that cannot be read is not there. */
export function attempt({ read }: Reader, facts: Facts, operation?: ClaimedOperation): unknown {
  try {
    return read(facts, operation);
  } catch {
    return undefined;
  }
}

export function reader(source: Source, origin: Convention): Reader {
  const value = evaluation(source);
  if (typeof source === "string") return { origin, key: source, named: false, unlike: undefined, read: value };
  const allows = allowed(source);
  return {
    origin,
    key: keyOf(source),
    named: source.from === "name" || (source.from === "attribute" && source.like !== undefined),
    unlike: source.unlike,
    read: (facts, operation) => (allows(facts, operation) ? value(facts) : undefined),
  };
}

/** What a source says without an attribute, it says of spans that its own table claimed. */
export function isAbout({ origin, key }: Reader, claim: Claim | undefined): boolean {
  return key !== undefined || origin === claim?.convention;
}

/** The attribute that a source reads, if it reads one. */
export function keyOf(source: Source): string | undefined {
  if (typeof source === "string") return source;
  return "key" in source ? source.key : undefined;
}

function allowed({ for: only, where }: SourceOptions) {
  const operations: readonly ClaimedOperation[] | undefined = only;
  const condition = where === undefined ? undefined : new Condition(where);
  return (facts: Facts, operation: ClaimedOperation | undefined): boolean =>
    (operations === undefined || (operation !== undefined && operations.includes(operation))) &&
    condition?.holds(facts) !== false;
}

function evaluation(source: Source): (facts: Facts) => unknown {
  if (typeof source === "string") return (facts) => facts.attribute(source);
  switch (source.from) {
    case "attribute": {
      const { key, like } = source;
      if (like === undefined) return (facts) => facts.attribute(key);
      const pattern = new TextPattern(like);
      return (facts) => pattern.captured(written(facts.attribute(key)));
    }
    case "first": {
      const { key } = source;
      return (facts) => firstOf(key, facts);
    }
    case "json": {
      const { key } = source;
      const path = source.path.split(".");
      return (facts) => facts.inside(key, path);
    }
    case "name": {
      const { before } = source;
      const pattern = new TextPattern(source.like);
      return (facts) => upTo(before, pattern.captured(facts.name));
    }
    case "seconds": {
      const { key } = source;
      return (facts) => {
        const seconds = facts.attribute(key);
        return typeof seconds === "number" ? seconds * 1000 : undefined;
      };
    }
    case "date": {
      const { key } = source;
      return (facts) => sinceStart(facts.attribute(key), facts.startMillis);
    }
    case "equals": {
      const { key, value } = source;
      return (facts) => {
        const word = written(facts.attribute(key));
        return word === undefined ? undefined : word === value;
      };
    }
    case "constant": {
      const { value } = source;
      return () => value;
    }
  }
}

function firstOf(key: string, facts: Facts): unknown {
  const value = facts.attribute(key);
  if (typeof value === "string" && !value.startsWith("[")) return text(value.split(",", 1)[0]);
  const list = facts.structure(key);
  return Array.isArray(list) ? list[0] : undefined;
}

function upTo(end: string | undefined, captured: string | undefined): string | undefined {
  if (captured === undefined || end === undefined) return captured;
  const at = captured.indexOf(end);
  return at < 0 ? undefined : captured.slice(0, at);
}

function sinceStart(value: unknown, startMillis: number | undefined): number | undefined {
  const date = text(value);
  return date === undefined || startMillis === undefined ? undefined : Date.parse(date) - startMillis;
}
