import type { Dice } from "../dice.js";

/** What no attribute should be, and what some are. */
export function anyValue(dice: Dice, depth = 0): unknown {
  const make = dice.pick(depth > 3 ? plain : [...plain, ...plain, ...nested]);
  return make(dice, depth + 1);
}

type Make = (dice: Dice, depth: number) => unknown;

const LONE = "\ud800 half a pair \udfff";

const plain: readonly Make[] = [
  () => "text",
  () => "",
  () => LONE,
  () => "\u0000\u001f\u007f\u2028 🦜",
  (dice) => "x".repeat(dice.pick([100, 9000, 200_000])),
  (dice) => `"\\\n${LONE}`.repeat(dice.from(1, 5000)),
  () => "__proto__",
  () => '{"__proto__":{"polluted":true}}',
  (dice) => dice.pick([0, -0, 1, -1, 1e308, 5e-324, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53]),
  (dice) => dice.chance(0.5),
  () => 12345678901234567890n,
  () => null,
  () => undefined,
  () => Symbol("s"),
  () => () => 1,
  (dice) => new Uint8Array(dice.pick([0, 5, 50_000])),
  () => new Date(Number.NaN),
  () => new Date(0),
  () => new Error("an error as a value"),
];

const nested: readonly Make[] = [
  (dice, depth) => Array.from({ length: dice.pick([0, 1, 3, 300]) }, () => (depth > 2 ? 1 : anyValue(dice, 4))),
  (dice, depth) =>
    Object.fromEntries(
      Array.from({ length: dice.pick([1, 3, 300]) }, (_, n) => [`k${n}`, depth > 2 ? n : anyValue(dice, 4)]),
    ),
  (dice, depth) => ({ deeper: anyValue(dice, depth) }),
  (dice, depth) => [anyValue(dice, depth), anyValue(dice, depth)],
  () => JSON.parse('{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}}}'),
  () => {
    const around: Record<string, unknown> = { name: "cycle" };
    around["self"] = [around];
    return around;
  },
  () => ({
    get thrown(): never {
      throw new Error("a getter");
    },
    fine: 1,
  }),
  () => hostile({}),
  () => revoked(),
  () => ({
    toJSON(): never {
      throw new Error("toJSON");
    },
  }),
  () =>
    new Map<unknown, unknown>([
      ["a", 1],
      [{}, 2],
    ]),
  () => new Set([1, "two", LONE]),
  () => Object.create(null),
  () => {
    let deep: object = {};
    for (let level = 0; level < 50; level += 1) deep = { deep };
    return deep;
  },
];

/** Everything that is done to it throws. */
export function hostile<T extends object>(target: T): T {
  const refuse = (): never => {
    throw new Error("a hostile object");
  };
  return new Proxy(target, {
    get: refuse,
    has: refuse,
    ownKeys: refuse,
    getOwnPropertyDescriptor: refuse,
    getPrototypeOf: refuse,
    defineProperty: refuse,
    set: refuse,
  });
}

function revoked(): object {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
}

/** Names of attributes that something may trip over. */
export const oddNames = [
  "__proto__",
  "constructor",
  "prototype",
  "toString",
  "hasOwnProperty",
  "",
  LONE,
  "bus.gap",
  "event.name",
  "k".repeat(10_000),
];

/** Times as an application may give them by mistake, or none. */
export function anyTime(dice: Dice): unknown {
  if (dice.chance(0.7)) return undefined;
  return dice.pick<unknown>([
    Number.NaN,
    0,
    -5,
    1e20,
    new Date(Number.NaN),
    new Date(0),
    [0, 0],
    [-1, 5],
    [Number.NaN, 1],
    [1e12, 1e12],
    [],
    Date.now() - 60_000,
    Date.now() + 60_000,
    "yesterday",
  ]);
}
