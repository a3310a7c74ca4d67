import fc from "fast-check";
import type { BusEvent } from "spanbus";
import { type Act, act, performAll, shutdown } from "./acts.js";
import { attachedAt, small } from "./tricks.js";
import type { World } from "./world.js";

/** The model is part of the world. */
type Command = fc.AsyncCommand<object, World>;

/** Acts without a pause between them, then one microtask or all. */
class Together implements Command {
  readonly acts: readonly Act[];
  readonly all: boolean;

  constructor(acts: readonly Act[], all: boolean) {
    this.acts = acts;
    this.all = all;
  }

  check(): boolean {
    return true;
  }

  async run(_: object, world: World): Promise<void> {
    for (const each of this.acts) {
      performAll(world, [each]);
      world.check();
    }
    await world.turn(this.all);
  }

  toString(): string {
    return `\n  ${this.acts.map(({ says }) => says).join("; ")}${this.all ? " ..." : " ."}`;
  }
}

class Pass implements Command {
  readonly seconds: number;

  constructor(seconds: number) {
    this.seconds = seconds;
  }

  check(): boolean {
    return true;
  }

  async run(_: object, world: World): Promise<void> {
    world.acts += 1;
    await world.pass(this.seconds * 1000);
  }

  toString(): string {
    return `\n  pass(${this.seconds} s)`;
  }
}

class Settle implements Command {
  readonly back: number;
  readonly outcome: "completed" | "failed" | "cancelled";

  constructor(back: number, outcome: "completed" | "failed" | "cancelled") {
    this.back = back;
    this.outcome = outcome;
  }

  check(): boolean {
    return true;
  }

  async run(_: object, world: World): Promise<void> {
    world.acts += 1;
    await world.turn(true);
    const [pending] = world.pending.splice(this.back % Math.max(1, world.pending.length), 1);
    if (!pending) return;
    pending.settle(this.outcome);
    await Promise.resolve();
    world.model.settled(pending.binding, this.outcome === "completed" ? undefined : this.outcome);
    await world.turn(true);
  }

  toString(): string {
    return `\n  settle(${this.back} ${this.outcome})`;
  }
}

/** A loop that takes some events that are there, and is left. */
class Loop implements Command {
  readonly back: number;
  readonly takes: number;

  constructor(back: number, takes: number) {
    this.back = back;
    this.takes = takes;
  }

  check(): boolean {
    return true;
  }

  async run(_: object, world: World): Promise<void> {
    await world.turn(true);
    const index = attachedAt(world, this.back);
    const model = world.model.readers[index];
    const reader = world.readers[index]?.reader;
    const there = (model?.waiting ?? 0) + Number(model?.gap !== undefined) + Number((model?.lost ?? 0) > 0);
    if (!model || !reader || there < this.takes || model.asks.length > 0) return;
    world.acts += 1;
    const events: BusEvent[] = [];
    const want = Array.from({ length: this.takes }, () => world.model.ask(model, false).answer).flat();
    world.model.leave(model, { reason: "returned" });
    for await (const event of reader) {
      events.push(event);
      if (events.length === this.takes) break;
    }
    world.sameItems(events, want as never);
    await world.turn(true);
  }

  toString(): string {
    return `\n  loop(${this.back} takes ${this.takes})`;
  }
}

const togetherOf = (acts: fc.Arbitrary<Act>): fc.Arbitrary<Together> =>
  fc
    .record({ acts: fc.array(acts, { minLength: 1, maxLength: 6 }), all: fc.boolean() })
    .map((given) => new Together(given.acts, given.all));
const together = togetherOf(act);
const outcomes = fc.constantFrom<Settle["outcome"][]>("completed", "failed", "cancelled");

export const commands: fc.Arbitrary<Command>[] = [
  ...Array.from({ length: 8 }, () => together),
  togetherOf(fc.oneof({ weight: 150, arbitrary: act }, { weight: 1, arbitrary: shutdown })),
  fc.integer({ min: 1, max: 4 }).map((seconds) => new Pass(seconds)),
  fc.record({ back: small, outcome: outcomes }).map(({ back, outcome }) => new Settle(back, outcome)),
  fc.record({ back: small, takes: fc.integer({ min: 1, max: 3 }) }).map(({ back, takes }) => new Loop(back, takes)),
];
