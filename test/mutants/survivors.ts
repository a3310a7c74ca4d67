/** Changes that no test notices, by file, and why that is right. A change stands in brackets, with a little of what is around it. */
export interface Survivors {
  readonly why: string;
  readonly changes: readonly string[];
}

const quicker = "A short cut: without it the same comes out, more slowly.";
const forTypes = "The compiler asks for it; it cannot come to that.";
const caught = "What this throws is caught where the source is read, and means the same: not there.";
const unasked = "One entry more, or another text, that nothing looks for.";
const same = "Means the same.";

export const survivors: Readonly<Record<string, readonly Survivors[]>> = {
  "src/conventions/attribute-keys.ts": [
    {
      why: unasked,
      changes: [
        ', contentFields), ...(table.content ?? [[ → "Stryker was here"]])]);',
        'tMap((name) => table.fields?.[name] ?? [[ → "Stryker was here"]]).flatMap((source) => ke',
        ').flatMap((source) => keyOf(source) ?? [[ → "Stryker was here"]]);',
      ],
    },
  ],
  "src/conventions/check.ts": [
    { why: forTypes, changes: ["shapes.get(value[property] as string)[?. → ](value, place);"] },
  ],
  "src/conventions/claim-index.ts": [
    { why: unasked, changes: ['f span.name === "string" ? span.name : "[ → Stryker was here!]";'] },
    {
      why: quicker,
      changes: [
        "if ([ranked.names.fit(name) && ranked.scope.matches(scope) → true]) match = better(match, m",
        "if (ranked.names.fit(name) [&& → ||] ranked.scope.matches(sco",
      ],
    },
    { why: "No two rules have the same rank.", changes: ["return other.rank <[ → =] one.rank ? other : one;"] },
  ],
  "src/conventions/event-fields.ts": [
    {
      why: unasked,
      changes: [
        '? otherEvents["agent.handoff"].data : [[ → "Stryker was here"]],',
        'chunk: [[ → "Stryker was here"]],',
        'ignored: [[ → "Stryker was here"]],',
      ],
    },
  ],
  "src/conventions/facts.ts": [
    {
      why: unasked,
      changes: ['= typeof scope === "string" ? scope : "[ → Stryker was here!]";', 'return [[ → "Stryker was here"]];'],
    },
    {
      why: quicker,
      changes: [
        "if ([!this.#parsed.has(key) → true]) this.#parsed.set(key, p",
        "if ([value.charCodeAt(0) !== quote || value.charCodeAt(value.len… → fals]e) return value;",
        "if (value.charCodeAt(0) !== quote [|| → &&] value.charCodeAt(value.l",
        "if ([value.charCodeAt(0) !== quot → fals]e || value.charCodeAt(val",
        "if (value.charCodeAt(0) !== quote || [value.charCodeAt(value.length - 1) !== quot → fals]e) return value;",
      ],
    },
    { why: same, changes: ["} catch {[ return undefined;  → ]}"] },
  ],
  "src/conventions/failure.ts": [
    {
      why: "`bus.run` asks this, too; here the type is told as it is.",
      changes: [
        'return [type === "AbortError" → false] || aborted.test(message)',
        'return type === "[AbortError → ]" || aborted.test(message',
      ],
    },
    {
      why: quicker,
      changes: [
        "if ([key !== undefined && facts.attribute(key) === undefined → false]) continue;",
        "const start = text(message)[ ?.trimStart() .slice(0, maxMessageLength + 1 → ?.trimStart(]);",
      ],
    },
    {
      why: unasked,
      changes: ['function sign({ source, is, message = [[ → "Stryker was here"]] }: FailureRule, table:'],
    },
    { why: forTypes, changes: ["onst line = start?.split(/[\\r\\n]/, 1)[0][? → ].trimEnd();"] },
  ],
  "src/conventions/field-index.ts": [
    {
      why: unasked,
      changes: [
        'nst source of table.fields?.[field] ?? [[ → "Stryker was here"]]) {',
        'ls.fit(key) ? (this.#byKey.get(key) ?? [[ → "Stryker was here"]]) : []));',
        '(key) ? (this.#byKey.get(key) ?? []) : [[ → "Stryker was here"]]));',
        'ing && this.#keyless.get(claiming)) ?? [[ → "Stryker was here"]];',
      ],
    },
    {
      why: quicker,
      changes: [
        "if ([latest?.isFor(keys) → false]) return latest;",
        "if ([plans && keys.length <= MAX_KEYS → false]) plans[keys.length] = pl",
        "if (plans && [keys.length <= MAX_KEYS → true]) plans[keys.length] = pl",
        "if (plans && keys.length <[= → ] MAX_KEYS) plans[keys.len",
        "if (plans && keys.length [<= → >] MAX_KEYS) plans[keys.len",
      ],
    },
  ],
  "src/conventions/initials.ts": [
    {
      why: quicker,
      changes: [
        'readonly #codes: boolean[] = [[ → "Stryker was here"]];',
        "#any = [fals → tru]e;",
        'if ([pattern.startsWith("*") → true]) this.#any = true;',
        'if (pattern.[start → end]sWith("*")) this.#any = t',
        'if (pattern.startsWith("[* → ]")) this.#any = true;',
        "return t[his.#any || this.#codes[text.charCodeAt(0)] === t → ]rue;",
      ],
    },
  ],
  "src/conventions/interpreter.ts": [
    { why: same, changes: ["function nothing(): undefined {[ return undefined;  → ]}"] },
    { why: quicker, changes: ["if ([!checked → true]) checkConventions(conven"] },
    {
      why: unasked,
      changes: [
        'reading = this.read(undefined, { name: "[ → Stryker was here!]", scope: "", attributes,',
        'his.read(undefined, { name: "", scope: "[ → Stryker was here!]", attributes, startMilli',
        'ons.flatMap((table) => (table.runId ?? [[ → "Stryker was here"]]).map((source) => reader',
        'const NO_RULES = new TableRules({[ name: "none", claims: []  → ]});',
        'onst NO_RULES = new TableRules({ name: "[none → ]", claims: [] });',
        'new TableRules({ name: "none", claims: [[ → "Stryker was here"]] });',
      ],
    },
    { why: forTypes, changes: ['return t[ypeof value === "number" → rue] ? value : undefined;'] },
  ],
  "src/conventions/pattern.ts": [
    { why: forTypes, changes: ["if ([text === undefined → false] || !this.matches(text))"] },
  ],
  "src/conventions/reading-plan.ts": [
    {
      why: quicker,
      changes: [
        "sFor(keys: readonly string[]): boolean {[ for (let index = 0; index < keys.length; index += 1) if (k… → ]}",
        "for (let index = 0; index <[ → =] keys.length; index += 1)",
        "0; index < keys.length; index += 1) if ([keys[index] !== this.#keys[index] → true]) return false;",
        "return [keys.length === this.#keys.length → true];",
        "return [keys.length === this.#keys.length → false];",
        "return keys.length [= → !]== this.#keys.length;",
        "if ([!row → true]) {",
        "return [readers.length > 0 || always(field) → true] ? [{ field, readers }] :",
        "return readers.length >[ → =] 0 || always(field) ? [{",
        'const NONE: readonly Placed[] = [[ → "Stryker was here"]];',
      ],
    },
  ],
  "src/conventions/reading.ts": [
    { why: same, changes: ['return this.#row("[end → ]", inputTold);', "} catch {[ return undefined;  → ]}"] },
    {
      why: quicker,
      changes: [
        "if ([reader.unlike === undefined → false]) return value;",
        'return [field === "toolName" || field === "name" → true];',
      ],
    },
    {
      why: caught,
      changes: [
        "return word(field, text(value)[? → ].trim());",
        'if ([value === undefined → false] || value === "") return',
      ],
    },
    {
      why: forTypes,
      changes: [
        'if ([typeof value !== "number" → false] || !Number.isFinite(valu',
        'return t[ypeof value === "string" → rue] && /^\\d{1,15}$/.test(val',
      ],
    },
  ],
  "src/conventions/sources.ts": [
    { why: same, changes: ["} catch {[ return undefined;  → ]}"] },
    {
      why: quicker,
      changes: [
        'if ([typeof source === "string" → false]) return { origin, key: s',
        'if (typeof source === "[string → ]") return { origin, key:',
      ],
    },
    {
      why: forTypes,
      changes: ["(operations === undefined || ([operation !== undefined → true] && operations.includes(o"],
    },
    { why: caught, changes: ["if ([captured === undefined → false] || end === undefined) re"] },
    { why: "An empty text is no value.", changes: ["return at <[ → =] 0 ? undefined : captured"] },
    {
      why: "A time that is no number is no value.",
      changes: [
        "return [date === undefined || startMillis === undefined → false] ? undefined : Date.parse",
        "return date === undefined [|| → &&] startMillis === undefine",
        "return [date === undefined → false] || startMillis === undef",
        "return date === undefined || [startMillis === undefined → false] ? undefined : Date.parse",
      ],
    },
  ],
  "src/conventions/table-rules.ts": [
    { why: unasked, changes: ['attributes = firstChunk?.attributes ?? [[ → "Stryker was here"]];'] },
  ],
};
