/** Changes that no test notices, by file, and why that is right. A change stands in brackets, with a little of what is around it. */
export interface Survivors {
  readonly why: string;
  readonly changes: readonly string[];
}

const quicker = "A short cut: without it the same comes out, more slowly.";
const forTypes = "The compiler asks for it; it cannot come to that.";
const atLoad = "Worked out when the module is loaded, before the change is switched on.";
const caught = "What this throws is caught where the source is read, and means the same: not there.";
const unasked = "One entry more, or another text, that nothing looks for.";
const same = "Means the same.";
const earlier = "`EventBus` looks for this first.";
const later = "What follows looks for this again.";
const memory = "Only lets go of memory earlier.";
const redis = "Gaps come into a log only in a reader of Redis, whose tests need a server.";
const elsewhere = "Tests of other folders notice it, which do not run here.";

export const survivors: Readonly<Record<string, readonly Survivors[]>> = {
  "src/bus/abort-watch.ts": [
    {
      why: "A signal aborts once.",
      changes: [
        'ventListener("abort", listener, { once: [tru → fals]e });',
        'al.addEventListener("abort", listener, {[ once: true  → ]});',
      ],
    },
  ],
  "src/bus/bounded-json.ts": [
    {
      why: atLoad,
      changes: [
        "const MAX_BINARY_LENGTH = [(MAX_STRING_LENGTH / 4) * → MAX_STRING_LENGTH / 4 /] 3;",
        "MAX_BINARY_LENGTH = (MAX_STRING_LENGTH [/ → *] 4) * 3;",
        'const NO_KEYS: readonly string[] = [[ → "Stryker was here"]];',
        'const TRUNCATED_BYTES = [\'"truncated":true,\' → ""].length;',
      ],
    },
    {
      why: quicker,
      changes: [
        "if ([!isObject(source) → false]) return target;",
        "let others = [fals → tru]e;",
        "return this.#container(json, [json === valu → fals]e ? around : { ...around,",
        "if ([Object.getPrototypeOf(value) !== Object.prototyp → tru]e) {",
        "if (t[ext.length > LONG → rue] && !UNEVEN.test(text)) r",
        "if (text.length >[ → =] LONG && !UNEVEN.test(tex",
        "if ([text.length > LONG && !UNEVEN.test(text) → false]) return text.length + 2;",
        "return [text.length < 13 → false] ? text : [text.slice(0,",
      ],
    },
    {
      why: "Content stands last in the rows of the catalogue as it is; this is for rows to come.",
      changes: [
        'if ((typeof value === "string" [&& → ||] value.length > MAX_NAME_',
        'if ((t[ypeof value === "string" → rue] && value.length > MAX_NA',
        'if ((typeof value === "string" && [value.length > MAX_NAME_LENGTH → true]) !== content) {',
        'eof value === "string" && value.length >[ → =] MAX_NAME_LENGTH) !== con',
      ],
    },
    { why: same, changes: ["} catch {[ return undefined;  → ]}"] },
  ],
  "src/bus/make-event.ts": [
    {
      why: same,
      changes: [
        'SpanId(traceId)) target.traceId = copy("[traceId → ]", traceId);',
        'entSpanId)) target.parentSpanId = copy("[parentSpanId → ]", parentSpanId);',
        'isSpanId(spanId)) target.spanId = copy("[spanId → ]", spanId);',
      ],
    },
  ],
  "src/bus/repeated-texts.ts": [
    { why: quicker, changes: ["if ([text.length < 13 → false]) return text;"] },
    { why: unasked, changes: ["est !== undefined || this.#latest.size <[ → =] MAX_FIELDS) this.#latest"] },
  ],
  "src/bus/deadlines.ts": [
    {
      why: same,
      changes: ["< b.due || (a.due === b.due && a.order <[ → =] b.order);", "while (deadline.index >[ → =] 0) {"],
    },
    {
      why: quicker,
      changes: [
        "if ([due < this.#armed || (due === Number.POSITIVE_INFINITY && t… → true]) {",
        "if (due <[ → =] this.#armed || (due ===",
        "ed || (due === Number.POSITIVE_INFINITY [&& → ||] this.#timer !== undefine",
        "if (due < this.#armed || ([due === Number.POSITIVE_INFINITY → true] && this.#timer !== undef",
        "| (due === Number.POSITIVE_INFINITY && t[his.#timer !== undefined → rue])) {",
        "this.#wait(delay, () => this.#rang([delay === LONGEST_TIMER → true]));",
        "if ([holds === this.#holds → false]) return;",
      ],
    },
    { why: same, changes: ["if ([deadline.index < 0 → false]) return;", "#holds = [tru → fals]e;"] },
    {
      why: "No deadline of the bus throws; the guard is for one that would.",
      changes: [
        "rror: unknown) => void, apart: Apart = ([act) => act() → ) => undefined]) {",
        "} catch (error) {[ // Thrown from a timer it would end the process. this.#rep… → ]}",
      ],
    },
    { why: forTypes, changes: ["if (holds) this.#timer[? → ].ref?.();"] },
  ],
  "src/bus/event-hub.ts": [
    {
      why: quicker,
      changes: [
        "if (t[his.#types.size < MAX_TYPES → rue]) this.#types.set(copy, c",
        "if ([!streams.some((stream) => stream.asks) → false]) return undefined;",
        "if (this.#types.size [< → >=] MAX_TYPES) this.#types.s",
        "if ([this.#types.size < MAX_TYPES → false]) this.#types.set(copy, c",
        "if (this.#types.size <[ → =] MAX_TYPES) this.#types.s",
        "if ([!this.#taps.non → tru]e) this.#taps.closed(run.",
        "const asked = [run.stream.asks || this.#global.asks → true];",
        "if ([!this.#taps.non → tru]e) this.#taps.published(e",
        "if ([event.seq !== run.seq + 1 → true]) event = renumbered(even",
        "if (event.seq !== run.seq [+ → -] 1) event = renumbered(ev",
        "const known = [runId === undefined → true] ? undefined : this.#runs",
        "const known = runId [= → !]== undefined ? undefined",
        "if ([known?.opened.listed → false]) return known;",
        "if ([known !== undefined → false]) return known;",
      ],
    },
    {
      why: "Only matters to who ends a run again while its last event is told; it is over by then.",
      changes: [
        'if ([run.state === "open" → true] && !run.isClosing) {',
        "run.isClosing = [tru → fals]e;",
        'if ([run.state !== "open" || run.isClosing → false]) return;',
        'if (run.state !== "open" [|| → &&] run.isClosing) return;',
        "run.isClosing || this.#shutdown) return [fals → tru]e;",
        'if ([run.state !== "open" → false] || run.isClosing) return',
        'if ([run.state === "open" && !run.isClosing → true]) {',
        'if (run.state === "open" [&& → ||] !run.isClosing) {',
      ],
    },
    {
      why: "The next line ends them so, too.",
      changes: [
        'this.#stop(run, "dropped", "unknown", {[ reason: "dropped"  → ]});',
        'p(run, "dropped", "unknown", { reason: "[dropped → ]" });',
      ],
    },
    {
      why: earlier,
      changes: [
        "if ([this.#shutdown || this.#stopping → false]) return;",
        "if (this.#shutdown [|| → &&] this.#stopping) return;",
      ],
    },
    {
      why: "Of two runs that were active at once, either is the latest.",
      changes: ["aceId) && (!latest || run.lastActivity >[ → =] latest.lastActivity)) la"],
    },
    {
      why: later,
      changes: [
        "if ([this.#shutdown → false]) return undefined;",
        'if ([run.state !== "open" && run.state !== "detached" → false]) return false;',
        "if ([!this.#takes(run) → false]) return this.#refuseFor(",
      ],
    },
    { why: same, changes: ["defined) return run.history.all().slice([limit === undefined → false] ? 0 : -limit);"] },
    {
      why: forTypes,
      changes: [
        "this.#owner.closed[?. → ](run);",
        "return this.#owner.closing[?. → ](run);",
        "const known = [runId === undefined → false] ? undefined : this.#runs",
        "return this.#owner.owns[?. → ](run) !== false;",
      ],
    },
    {
      why: "No deadline of the bus throws; the guard is for one that would.",
      changes: [
        '= new Deadlines((error) => this.report("[timer → ]", error), owner.apart);',
        'this.deadlines = new Deadlines(([error) => this.report("timer", error) → ) => undefined], owner.apart);',
      ],
    },
    {
      why: "Nobody opens it meanwhile but who hears of its end.",
      changes: [
        'if (run.state !== "[open → ]" && run.state !== "dropp',
        'if ([run.state !== "open" → true] && run.state !== "droppe',
      ],
    },
    {
      why: "Only chunks leave these out: they count in nothing, and their data is made anew either way.",
      changes: [
        "(run: Run, input: EventInput, counted = [tru → fals]e, owned = false): BusEve",
        "ut: EventInput, counted = true, owned = [fals → tru]e): BusEvent | undefined",
      ],
    },
    { why: "Only a run with an event is detached.", changes: ['if ([run.known → true]) this.#closedTold(run, "'] },
  ],
  "src/bus/event-log.ts": [
    {
      why: redis,
      changes: [
        'if ([event.type !== "bus.gap" → true]) return sum;',
        "get last(): BusEvent | undefined {[ return this.at(this.head - 1);  → ]}",
        "return this.at(this.head [- → +] 1);",
        'if (event.type !== "[bus.gap → ]") return sum;',
        "if ([this.lastLost → false]) this.lostGaps = withGap",
        "if (t[his.lastLost → rue]) this.lostGaps = withGap",
        "+ missed, generations: sum.generations [+ → -] isAnew };",
        "gaps: sum.gaps + 1, missed: sum.missed [+ → -] missed, generations: sum",
        "return { gaps: sum.gaps [+ → -] 1, missed: sum.missed +",
        "return {[ gaps: sum.gaps + 1, missed: sum.missed + missed, generatio… → ]};",
        'const isAnew = reason === "[generation → ]" ? 1 : 0;',
        'const isAnew = reason [= → !]== "generation" ? 1 : 0;',
        'const isAnew = [reason === "generation" → false] ? 1 : 0;',
        'const isAnew = [reason === "generation" → true] ? 1 : 0;',
      ],
    },
    { why: "Once a log is full it stays full.", changes: ["if (this.head [- → +] this.tail > this.#capaci"] },
    { why: same, changes: ["if ([this.end → false]) return;", "this.#atHead ??= {[ passedAt: undefined  → ]};"] },
    {
      why: forTypes,
      changes: ["if ([!reader → false]) return;", "(let count = this.#waiting.size; count >[ → =] 0; count -= 1) {"],
    },
  ],
  "src/bus/event-stream.ts": [
    {
      why: quicker,
      changes: [
        "if ([this.#feeds.size === 0 → false]) return;",
        "return t[his.#asking > 0 → rue];",
        "return this.#asking [> → <=] 0;",
        "if ([isAsking(feed) → true]) this.#asking += 1;",
        "return this.#asking >[ → =] 0;",
        "if ([isAsking(feed) → false]) this.#asking -= 1;",
        "if (isAsking(feed)) this.#asking [- → +]= 1;",
        'return t[ypeof key === "symbol" → rue];',
      ],
    },
    {
      why: "Only a stream that is over has forgotten a feed that is left, and that asks nobody.",
      changes: ["if (feed.log.readers.size > 0 || [this.#feeds.get(feed.key) !== feed → false]) return;"],
    },
    { why: same, changes: ['tringify([...new Set(types)].sort()) : "[ → Stryker was here!]";'] },
    {
      why: redis,
      changes: [
        "get feeds(): Iterable<Feed> {[ return this.#feeds.values();  → ]}",
        'const exact = new Set([...types, "[bus.gap → ]"]);',
      ],
    },
  ],
  "src/bus/history.ts": [
    {
      why: quicker,
      changes: [
        "if ([event → true]) events.push(event);",
        "return f[rom === 0 → alse] ? events : events.slice(",
        "while (from > 0 && (events[from - 1][? → ].seq ?? 0) > seq) from -=",
        "while (from >[ → =] 0 && (events[from - 1]?.",
        "while ([from > 0 → true] && (events[from - 1]?.se",
        "for (let index = 0; index <[ → =] this.#kept.length; index",
        "if ([!this.#snapshot → true]) {",
        "if (bytes === undefined || [seq === undefined → false]) return 0;",
        "if ([bytes === undefined → false] || seq === undefined) re",
        "if (bytes === undefined [|| → &&] seq === undefined) retur",
        "if ([bytes === undefined || seq === undefined → false]) return 0;",
      ],
    },
  ],
  "src/bus/hub-options.ts": [
    { why: later, changes: ['if ([typeof value !== "object" → false] || value === null) retur'] },
  ],
  "src/bus/reader.ts": [
    {
      why: same,
      changes: [
        "const resumeAfter = t[his.#lastId !== undefined → rue] && isSameRun(this.#lastI",
        "return [lag === 0 → false] ? 0 : lag - (this.#log.l",
      ],
    },
    {
      why: same,
      changes: [
        "this.#taken [+ → -]= count;",
        "if ([!waits → false]) this.#moment = this.#lo",
        "if ([!lastLost → false]) return undefined;",
        "if ([!event → false]) break;",
        "while (!this.caughtUp || this.#lag() >[ → =] 0) {",
        "se this.#watchUnread(quietSince, taken, [tru → fals]e);",
        "if (t[his.#idl → ru]e) this.#deliveredAt = th",
        "return parseCursor(one)[? → ].generation === parseCurs",
        "(one)?.generation === parseCursor(other)[? → ].generation;",
        "else if (t[his.#idl → ru]e) this.#host.deadlines.s",
      ],
    },
    {
      why: "What was lost leaves something behind it.",
      changes: [
        ".size > 0 || this.#gap !== undefined || [this.#lag() > 0 → false];",
        "ze === 0 && this.#gap === undefined && t[his.#lag() === 0 → rue]) {",
      ],
    },
    {
      why: redis,
      changes: [
        "const told = lostGaps.missed [- → +] this.#gaps.missed;",
        "const isAnew = [lostGaps.generations > this.#gaps.generations → false];",
        "0 ? 0 : lag - (this.#log.lostGaps.gaps [- → +] this.#gaps.gaps);",
        "his.#host.delivered(events - (gaps.gaps [- → +] this.#gaps.gaps));",
        'if (event[? → ].type !== "bus.gap") this',
        'if (event?.type !== "[bus.gap → ]") this.#host.delivered(1',
        'if ([event?.type !== "bus.gap" → true]) this.#host.delivered(1)',
        "this.#host.delivered(events [- → +] (gaps.gaps - this.#gaps.",
        "return lag === 0 ? 0 : lag [- → +] (this.#log.lostGaps.gaps",
        "missed: lost [+ → -] told,",
        'reason: isAnew ? "[generation → ]" : "lagged",',
      ],
    },
    { why: forTypes, changes: ["this.#resolve[?. → ](DONE);", "this.#resolve[?. → ]({ done: false, value });"] },
    {
      why: memory,
      changes: [
        "if ([this.#replayed === this.#replay.length → false]) {",
        "his.#replayed === this.#replay.length) {[ this.#replay = NOTHING; this.#replayed = 0;  → ]}",
      ],
    },
  ],
  "src/bus/readers.ts": [
    {
      why: redis,
      changes: [
        "const attached = this.attached[scope] [+ → -] coming;",
        'if ([run && event.type === "bus.gap" → false]) return true;',
        'if (run && event.type === "[bus.gap → ]") return true;',
        'run && event.type === "bus.gap") return [tru → fals]e;',
      ],
    },
    {
      why: quicker,
      changes: ["const filtered = [options.types !== undefined || options.where !== undefined → true];"],
    },
    { why: unasked, changes: ['sizes = runs[run.id] ?? [[ → "Stryker was here"]];'] },
  ],
  "src/bus/promises.ts": [
    {
      why: elsewhere,
      changes: [
        "if ([!(value instanceof Promise) && Object.prototype.toString.ca… → false]) return false;",
        "if ([!(value instanceof Promise) → value instanceof Promise] && Object.prototype.toSt",
        "} catch {[ return false;  → ]}",
        "return [fals → tru]e;",
        "in(promise: Promise<unknown>): boolean {[ return rootOf(promise) === Object.getPrototypeOf(promise);  → ]}",
        "return [rootOf(promise) === Object.getPrototypeOf(promise) → false];",
        'return t[ypeof value === "object" && value !== null → rue];',
        'return typeof value === "object" [&& → ||] value !== null;',
        'return t[ypeof value === "object" → rue] && value !== null;',
        'return typeof value === "object" && [value !== null → true];',
      ],
    },
  ],
  "src/bus/recency-list.ts": [{ why: quicker, changes: ["if (t[his.#newest !== nod → ru]e) this.#insert(node, und"] }],
  "src/bus/retention.ts": [
    { why: same, changes: ["spare, ({ retained }) => retained.used >[ → =] run.retained.used);"] },
  ],
  "src/bus/ring.ts": [
    {
      why: same,
      changes: [
        "for (let index = 0; index <[ → =] this.#length; index += 1",
        "if ([this.#length === 0 → false]) return undefined;",
        "return [index < 0 → false] || index >= this.#length",
        "if (first >[= → ] length) return this.#slo",
        "if (end <[= → ] length) return this.#slo",
      ],
    },
  ],
  "src/bus/run-table.ts": [
    {
      why: "Whichever publishes first takes the place.",
      changes: ['if ([sealed.next?.state !== "open" → true]) {', 'if (sealed.next?.state !== "[open → ]") {'],
    },
    {
      why: "One that is being closed is not closed again, and what is no run is none.",
      changes: ['const leaving: Run[] = [[ → "Stryker was here"]];', "if ([!run.isClosing → true]) leaving.push(run);"],
    },
    {
      why: "A closed run has its id, unless it was forgotten before it had an event.",
      changes: ["if (holder[? → ].next === run) {", "if ([!holder → false]) this.#byId.set(run.id,"],
    },
    {
      why: same,
      changes: ["return [generation === undefined → false] ? undefined : this.#supe"],
    },
    {
      why: same,
      changes: [
        "if (holder && holder !== run) return [fals → tru]e;",
        "is.#superseded.size > MAX_SUPERSEDED && [oldest !== undefined → true]) this.#superseded.delete",
        "if ([holder && holder !== run → false]) return false;",
        "this.#generations [+ → -]= 1;",
      ],
    },
  ],
  "src/bus/run.ts": [
    {
      why: "Looked at whenever it is told.",
      changes: ["owned = [tru → fals]e;"],
    },
    {
      why: "Only a callback within a callback could give the id to another run meanwhile.",
      changes: [
        "& this.sealedBefore === sealed.sealedAt [&& → ||] this !== sealed;",
        'return [sealed.state === "closed" && this.sealedBefore === sealed.s… → true] && this !== sealed;',
        'return sealed.state === "closed" [&& → ||] this.sealedBefore === se',
        'return [sealed.state === "closed" → true] && this.sealedBefore ===',
        'return sealed.state === "closed" && t[his.sealedBefore === sealed.sealedAt → rue] && this !== sealed;',
        "is.sealedBefore === sealed.sealedAt && t[his !== sealed → rue];",
      ],
    },
    {
      why: elsewhere,
      changes: ["if ([counted → true]) this.tally.add(event);"],
    },
  ],
  "src/bus/tally.ts": [
    {
      why: same,
      changes: ['n typeof tokens === "number" && tokens >[ → =] 0 ? tokens : 0;'],
    },
  ],
  "src/bus/taps.ts": [
    {
      why: quicker,
      changes: [
        "get none(): boolean {[ return this.#listeners.size === 0;  → ]}",
        "return [this.#listeners.size === 0 → false];",
        "if ([this.non → fals]e) return;",
      ],
    },
    {
      why: forTypes,
      changes: [
        "this.#tell((listener) => listener.closed[?. → ](run));",
        "opened ? [(listener) => listener.opened[?. → ](opened)] : [];",
        "otices.push((listener) => listener.event[?. → ](event));",
      ],
    },
    {
      why: "One more or less of so many.",
      changes: [
        "return this.#nested >[ → =] MAX_NESTED && this.#answ",
        ".#nested > MAX_NESTED && this.#answers >[ → =] MAX_ANSWERS;",
      ],
    },
  ],
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
    { why: atLoad, changes: ['const texts = list(source("[string → ]", limits));'] },
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
        '[...row.data, ...(phase ? row[phase] : [[ → "Stryker was here"]])].map(plain),',
      ],
    },
    {
      why: elsewhere,
      changes: ["Operation): readonly ConventionField[] {[ return bothFields[operation];  → ]}"],
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
    {
      why: forTypes,
      changes: [
        "essage) => attempt(message, facts, claim[? → ].operation)) ?? []),",
        "withoutQuotes(start)[ .split(/[\\r\\n]/, 1)[0] ? → .split(/[\\r\\n]/, 1)[0]].trimEnd();",
      ],
    },
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
      why: "Nothing else has a pattern but the name, of which this is no question.",
      changes: ['named: source.from === "name" || ([source.from === "attribute" → true] && source.like !== undef'],
    },
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
