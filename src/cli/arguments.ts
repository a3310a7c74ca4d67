import { parseArgs } from "node:util";

/** An option of a command. */
export interface Flag {
  /** What its value is called in the help, such as `<id>`. None: it is there or not. */
  readonly value?: string;
  /** It may be given several times. */
  readonly repeatable?: true;
  /** For the help: its meaning and its default. */
  readonly says: string;
}

export type Flags = Readonly<Record<string, Flag>>;

/** What was given, by the name of the option. */
export type Values<F extends Flags> = {
  readonly [Name in keyof F]: F[Name] extends { readonly repeatable: true }
    ? readonly string[]
    : F[Name] extends { readonly value: string }
      ? string | undefined
      : boolean;
};

export interface Arguments<F extends Flags> {
  readonly values: Values<F>;
  /** What is no option. */
  readonly operands: readonly string[];
}

/** The command was called wrongly. The message names the argument, what is allowed and what was given. */
export class UsageError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "UsageError";
  }
}

/** @throws UsageError for an option that is not in the table, or one without the value it needs. */
export function readArguments<F extends Flags>(args: readonly string[], flags: F): Arguments<F> {
  const { tokens } = parseArgs({ args: [...args], options: optionsOf(flags), strict: false, tokens: true });
  const given = new Map<string, string[]>();
  const operands: string[] = [];
  for (const token of tokens) {
    if (token.kind === "positional") operands.push(token.value);
    if (token.kind !== "option") continue;
    const { name, rawName, value, inlineValue } = token;
    const flag = Object.hasOwn(flags, name) ? flags[name] : undefined;
    if (!flag) throw new UsageError(`unknown option ${rawName}; ${listOf(flags)}`);
    if (flag.value === undefined && value !== undefined)
      throw new UsageError(`${rawName} takes no value, got ${value}`);
    if (flag.value !== undefined && (value === undefined || value === "" || (!inlineValue && value.startsWith("-"))))
      throw new UsageError(`${rawName} needs a value: ${rawName} ${flag.value}`);
    const values = given.get(name) ?? [];
    if (values.length > 0 && !flag.repeatable) throw new UsageError(`${rawName} may be given once`);
    given.set(name, [...values, value ?? ""]);
  }
  return { values: valuesOf(flags, given), operands };
}

function optionsOf(flags: Flags) {
  return Object.fromEntries(
    Object.entries(flags).map(([name, { value }]) => [
      name,
      { type: value === undefined ? ("boolean" as const) : ("string" as const), multiple: true },
    ]),
  );
}

function valuesOf<F extends Flags>(flags: F, given: ReadonlyMap<string, readonly string[]>): Values<F> {
  const entries = Object.entries(flags).map(([name, { value, repeatable }]) => {
    const values = given.get(name) ?? [];
    return [name, repeatable ? values : value === undefined ? values.length > 0 : values[0]];
  });
  return Object.fromEntries(entries) as Values<F>;
}

function listOf(flags: Flags): string {
  return `the options are ${Object.keys(flags)
    .map((name) => `--${name}`)
    .join(", ")}`;
}
