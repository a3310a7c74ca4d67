import fc from "fast-check";
import { fields, operations } from "../src/bus/catalogue.js";

/** Texts that would do something, were they more than text. */
export const attacks = [
  `<script>globalThis.taken = "script"</script>`,
  `<img src=x onerror="globalThis.taken = 'image'">`,
  `"><svg onload="globalThis.taken='svg'">`,
  `</script></style></title></textarea><script>globalThis.taken=1</script>`,
  "javascript:globalThis.taken='link'",
  "\x1b[31mred\x1b[0m \x1b]8;;https://evil.example\x07link\x1b]0;title\x07 \x9b2J",
  "user\u202Egpj.exe \u2066isolated\u2069 \u200Fmark\u2028line",
  "nul\0 back\b\r\n bell\x07 del\x7f",
  "\ud800 half \udc00",
  "__proto__",
  "x".repeat(2000),
] as const;

const text = fc.oneof(
  fc.constantFrom(...attacks),
  fc.string({ unit: "binary", maxLength: 40 }),
  fc.string({ unit: "grapheme", maxLength: 40 }),
);
const anything = fc.oneof(
  { weight: 3, arbitrary: text },
  { weight: 2, arbitrary: fc.oneof(fc.double(), fc.integer(), fc.constantFrom(1e308, -1e308, 5e-324, 2 ** 53, -1)) },
  { weight: 2, arbitrary: fc.jsonValue({ maxDepth: 3 }) },
);

/** Fields as the catalogue names them, each of which may be anything. */
const data = fc.dictionary(fc.oneof(fc.constantFrom(...Object.keys(fields), "error"), text), anything, { maxKeys: 12 });
const types = fc.oneof(
  {
    weight: 6,
    arbitrary: fc
      .tuple(fc.constantFrom(...Object.keys(operations)), fc.constantFrom("started", "completed", "failed"))
      .map(([operation, phase]) => `agent.${operation}.${phase}`),
  },
  fc.constantFrom(
    "agent.model.chunk",
    "agent.model.first_chunk",
    "agent.tokens.used",
    "agent.handoff",
    "agent.terminate",
    "bus.gap",
    "bus.run.opened",
    "bus.run.closed",
    "toString",
  ),
  text,
);
const spanIds = fc.oneof(fc.constantFrom("a", "b", "c", "d"), text);
const times = fc.oneof(
  fc.integer({ min: 1_700_000_000_000, max: 1_700_000_100_000 }),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.constantFrom(0, -1, 8.64e15 + 1, 1e308, -1e308),
);

/** What an endpoint may say that is none of ours: it has the shape of events, and nothing else of them. */
export const hostileEvents = (runId: string): fc.Arbitrary<object> =>
  fc
    .record(
      {
        seq: fc.oneof(fc.integer(), fc.constantFrom(1e308, -1)),
        type: types,
        time: times,
        traceId: text,
        spanId: spanIds,
        parentSpanId: spanIds,
        data,
        attributes: data,
      },
      { requiredKeys: ["type", "time", "data"] },
    )
    .map((event) => ({ ...event, runId }));

/** The stream of these events, numbered. */
export function streamOf(events: readonly object[]): string {
  return events.map((event, index) => `data: ${JSON.stringify({ ...event, id: `g-1.${index + 1}` })}\n\n`).join("");
}
