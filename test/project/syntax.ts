import { parseAst } from "vitest/node";

/** A node of the syntax tree, as far as the checks look at it. */
export interface Node {
  readonly type: string;
  readonly start: number;
  readonly [key: string]: unknown;
}

export function parse(source: string, lang: "ts" | "js"): Node {
  return parseAst(source, { lang, sourceType: "module" }) as unknown as Node;
}

export function isNode(value: unknown): value is Node {
  return typeof value === "object" && value !== null && typeof (value as Node).type === "string";
}

export function children(node: Node): Node[] {
  return Object.values(node).flat().filter(isNode);
}

/** The node and everything below it; `enter` says whether to look below a node. */
export function* walk(node: Node, enter: (node: Node) => boolean = () => true): Generator<Node> {
  yield node;
  if (!enter(node)) return;
  for (const child of children(node)) yield* walk(child, enter);
}

const functions = new Set(["FunctionDeclaration", "FunctionExpression", "ArrowFunctionExpression"]);

/** Position of the first top-level await: with one, `require()` of the module fails. */
export function topLevelAwait(program: Node): number | undefined {
  for (const node of walk(program, (node) => !functions.has(node.type))) {
    if (node.type === "AwaitExpression") return node.start;
    if (node.type === "ForOfStatement" && node.await === true) return node.start;
    if (node.type === "VariableDeclaration" && node.kind === "await using") return node.start;
  }
  return undefined;
}
