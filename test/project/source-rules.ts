import { posix } from "node:path";
import { isNode, type Node, parse, topLevelAwait, walk } from "./syntax.js";

/** What a part of `src/` may import. */
export interface Part {
  /** Folder in `src/`, or a file while the part is one file. */
  readonly name: string;
  /** Other parts, as a whole or by file. */
  readonly parts?: readonly string[];
  /** Packages, by exact specifier. */
  readonly packages?: readonly string[];
  /** Whether modules of Node may be imported. */
  readonly node?: true;
  /** A file with a constant of this type is a table. Only the part's `index.ts` imports tables. */
  readonly tableType?: string;
}

export type Sources = Readonly<Record<string, string>>;

/** Checks sources, keyed by their path in `src/`, and returns one line for each thing that is not allowed. */
export function violations(sources: Sources, parts: readonly Part[]): string[] {
  return Object.entries(sources).flatMap(([path, source]) => {
    const program = parse(source, "ts");
    const at = (start: number) => `src/${path}:${source.slice(0, start).split("\n").length}`;
    return [
      ...importsOf(program).flatMap(({ specifier, start }) => {
        const complaint = forbidden(path, specifier, sources, parts);
        return complaint ? [`${at(start)} ${complaint}`] : [];
      }),
      ...stateOf(program).map(({ start, what }) => `${at(start)} module-level state: ${what}`),
      ...[...walk(program)]
        .filter((node) => node.type === "Identifier" && node.name === "console")
        .map((node) => `${at(node.start)} uses console`),
      ...[topLevelAwait(program)].flatMap((start) => (start === undefined ? [] : [`${at(start)} top-level await`])),
    ];
  });
}

function forbidden(path: string, specifier: string | undefined, sources: Sources, parts: readonly Part[]) {
  if (specifier === undefined) return "imports what only shows at run time";
  const part = parts.find(({ name }) => name === partOf(path));
  if (!part) return "belongs to no known part";
  if (specifier.startsWith("node:")) return part.node ? undefined : `imports ${specifier}`;
  if (!specifier.startsWith(".")) return part.packages?.includes(specifier) ? undefined : `imports ${specifier}`;

  const target = posix.join(posix.dirname(path), specifier).replace(/\.js$/, ".ts");
  if (!(target in sources)) return `imports ${specifier}, which is no file of src/`;
  if (partOf(target) === part.name) return forbiddenInside(part, path, target, sources);
  return part.parts?.some((allowed) => allowed === target || allowed === partOf(target))
    ? undefined
    : `imports src/${target}`;
}

function forbiddenInside({ name, tableType }: Part, path: string, target: string, sources: Sources) {
  if (!tableType || path === `${name}/index.ts`) return undefined;
  return isTable(sources[target] ?? "", tableType) ? `imports a table, src/${target}` : undefined;
}

function isTable(source: string, tableType: string): boolean {
  return statementsOf(parse(source, "ts"))
    .flatMap(({ declarations }) => (Array.isArray(declarations) ? (declarations as Node[]) : []))
    .flatMap(({ id, init }) => [typeOf(id), isNode(init) ? init.typeAnnotation : undefined])
    .some((type) => isNode(type) && isNode(type.typeName) && type.typeName.name === tableType);
}

/** The type written behind a name. */
function typeOf(target: unknown): Node | undefined {
  if (!isNode(target) || !isNode(target.typeAnnotation)) return undefined;
  return target.typeAnnotation.typeAnnotation as Node;
}

/** What stands at the top level of a module; of an export, what is exported. */
function statementsOf(program: Node): Node[] {
  return (program.body as Node[]).map((node) => (isNode(node.declaration) ? node.declaration : node));
}

function partOf(path: string): string {
  return path.replace(/\/.*$/, "").replace(/\.ts$/, "");
}

/** Everything a module imports, types included. No specifier: it is not a literal. */
function importsOf(program: Node): { specifier: string | undefined; start: number }[] {
  return [...walk(program)].flatMap((node) => {
    const source = importSource(node);
    return source ? [{ specifier: literal(source), start: node.start }] : [];
  });
}

function importSource(node: Node): Node | undefined {
  switch (node.type) {
    case "ImportDeclaration":
    case "ImportExpression":
    case "TSImportType":
    case "ExportAllDeclaration":
    case "ExportNamedDeclaration":
      return isNode(node.source) ? node.source : undefined;
    case "TSExternalModuleReference":
      return node.expression as Node;
    case "CallExpression": {
      const callee = node.callee as Node;
      const name = isNode(callee.property) ? callee.property.name : callee.name;
      return name === "require" || name === "getBuiltinModule" ? (node.arguments as Node[])[0] : undefined;
    }
    default:
      return undefined;
  }
}

function literal({ type, value }: Node): string | undefined {
  return type === "Literal" && typeof value === "string" ? value : undefined;
}

const mutable = new Set([
  ...["Map", "Set", "WeakMap", "WeakSet", "Array", "AbortController", "EventTarget"],
  ...["FinalizationRegistry", "EventEmitter", "AsyncLocalStorage"],
]);

/** State that two users of a module would share: variables, and collections that are not declared read-only. */
function stateOf(program: Node): { start: number; what: string }[] {
  const variables = statementsOf(program).filter(
    ({ type, declare }) => type === "VariableDeclaration" && declare !== true,
  );
  const statics = [...walk(program)].filter(({ type, static: s }) => type === "PropertyDefinition" && s === true);
  return [
    ...variables.flatMap((node) => {
      if (node.kind !== "const") return [{ start: node.start, what: String(node.kind) }];
      return (node.declarations as Node[]).flatMap(({ start, id, init }) => collection(start, id as Node, init));
    }),
    ...statics.flatMap((node) => {
      if (node.readonly !== true) return [{ start: node.start, what: "static field" }];
      return collection(node.start, node, node.value);
    }),
  ];
}

function collection(start: number, target: Node, init: unknown): { start: number; what: string }[] {
  const value = bare(init);
  if (!value || declaredReadonly(target)) return [];
  if (value.type === "NewExpression") {
    const name = (value.callee as Node).name;
    return typeof name === "string" && mutable.has(name) ? [{ start, what: `new ${name}` }] : [];
  }
  if (value !== init) return []; // `[] as const`
  if (value.type === "ArrayExpression" && (value.elements as unknown[]).length === 0) return [{ start, what: "[]" }];
  if (value.type === "ObjectExpression" && (value.properties as unknown[]).length === 0) return [{ start, what: "{}" }];
  return [];
}

/** The expression inside `as`, `satisfies`, `!` and parentheses. */
function bare(value: unknown): Node | undefined {
  if (!isNode(value)) return undefined;
  const wrappers = ["TSAsExpression", "TSSatisfiesExpression", "TSNonNullExpression", "ParenthesizedExpression"];
  return wrappers.includes(value.type) ? bare(value.expression) : value;
}

function declaredReadonly(target: Node): boolean {
  const type = typeOf(target);
  if (type?.type === "TSTypeOperator") return type.operator === "readonly";
  return isNode(type?.typeName) && /^Readonly/.test(String(type.typeName.name));
}
