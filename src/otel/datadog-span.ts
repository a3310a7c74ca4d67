import { attempt } from "../bus/attempt.js";

type Tags = Readonly<Record<string, unknown>>;

interface SpanOfDatadog {
  readonly _ddSpan?: { context?(): { readonly _tags?: unknown } };
}

/**
 * The attributes of a span of dd-trace, which shows none: they are tags of Datadog's own span behind it. Private, so where it
 * is no longer there the span has no attributes, and its name has to do.
 */
export function datadogTags(span: object): Tags | undefined {
  const tags = attempt(() => (span as SpanOfDatadog)._ddSpan?.context?.()._tags, undefined);
  return typeof tags === "object" && tags !== null ? (tags as Tags) : undefined;
}

/** The status of such a span: an error sets this tag, and nothing else does. */
export function datadogStatus(tags: Tags): { readonly code: number; readonly message?: string } | undefined {
  const message = tags["error.message"];
  return typeof message === "string" ? { code: 2, message } : undefined;
}
