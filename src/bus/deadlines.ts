/** A moment at which something is due. Set it with `Deadlines.set`; `fire` runs once and may set it again. */
export class Deadline {
  readonly fire: (now: number) => void;
  due = 0;
  /** Among those due at the same moment. */
  order = 0;
  /** Place in the heap, -1 when not set. */
  index = -1;
  keepsAlive = false;

  constructor(fire: (now: number) => void) {
    this.fire = fire;
  }
}

/**
 * Runs it apart from the caller's asynchronous context. A timer keeps the context it was set in, and with that the span
 * that was active there, long after its end.
 */
export type Apart = <T>(act: () => T) => T;

const LONGEST_TIMER = 2 ** 31 - 1;
/** A timer that is so much too late was held up: the loop was blocked, and has not looked yet at what came meanwhile. */
const HELD_UP_MILLIS = 50;
/** Long enough for the loop to look. */
const LOOK_MILLIS = 20;

/**
 * All deadlines of one bus behind a single timer; those due at the same moment fire in the order in which they were set. The
 * timer holds the process open only while a deadline is set that `keepsAlive`.
 */
export class Deadlines {
  readonly #heap: Deadline[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;
  #armed = Number.POSITIVE_INFINITY;
  #alive = 0;
  #sets = 0;
  /** Whether the timer holds the process open. A new one does. */
  #holds = true;
  readonly #report: (error: unknown) => void;
  readonly #apart: Apart;
  /** Kept, since Node looks the global up by a function each time. */
  readonly #clock = performance;

  constructor(report: (error: unknown) => void, apart: Apart = (act) => act()) {
    this.#report = report;
    this.#apart = apart;
  }

  /** Monotonic milliseconds: deadlines do not move when the wall clock is set. */
  now(): number {
    return this.#clock.now();
  }

  set(deadline: Deadline, due: number): void {
    this.clear(deadline);
    deadline.due = due;
    this.#sets += 1;
    deadline.order = this.#sets;
    deadline.index = this.#heap.length;
    this.#heap.push(deadline);
    this.#rise(deadline);
    if (deadline.keepsAlive) this.#alive += 1;
    this.#arm();
  }

  clear(deadline: Deadline): void {
    const { index } = deadline;
    if (index < 0) return;
    deadline.index = -1;
    const last = this.#heap.pop();
    if (last && last !== deadline) {
      last.index = index;
      this.#heap[index] = last;
      this.#rise(last);
      this.#sink(last);
    }
    if (deadline.keepsAlive) this.#alive -= 1;
    this.#arm();
  }

  keepAlive(deadline: Deadline, keepsAlive: boolean): void {
    if (deadline.keepsAlive === keepsAlive) return;
    deadline.keepsAlive = keepsAlive;
    if (deadline.index < 0) return;
    this.#alive += keepsAlive ? 1 : -1;
    this.#hold();
  }

  #arm(): void {
    const due = this.#heap[0]?.due ?? Number.POSITIVE_INFINITY;
    // A timer that is early only looks again: cheaper than moving it with every deadline that goes.
    if (due < this.#armed || (due === Number.POSITIVE_INFINITY && this.#timer !== undefined)) {
      clearTimeout(this.#timer);
      this.#timer = undefined;
      this.#armed = due;
      if (due < Number.POSITIVE_INFINITY) {
        const delay = Math.min(Math.max(0, Math.ceil(due - this.now())), LONGEST_TIMER);
        this.#wait(delay, () => this.#rang(delay === LONGEST_TIMER));
      }
    }
    this.#hold();
  }

  #wait(delay: number, then: () => void): void {
    this.#timer = this.#apart(() => setTimeout(then, delay));
    this.#holds = true;
  }

  #rang(early: boolean): void {
    if (this.now() - this.#armed <= HELD_UP_MILLIS) {
      this.#ring(early);
      return;
    }
    this.#wait(LOOK_MILLIS, () => this.#ring(early));
    this.#hold();
  }

  #ring(early: boolean): void {
    const now = early ? this.now() : Math.max(this.now(), this.#armed);
    this.#timer = undefined;
    this.#armed = Number.POSITIVE_INFINITY;
    for (let first = this.#heap[0]; first && first.due <= now; first = this.#heap[0]) {
      this.clear(first);
      try {
        first.fire(now);
      } catch (error) {
        // Thrown from a timer it would end the process.
        this.#report(error);
      }
    }
    this.#arm();
  }

  #hold(): void {
    const holds = this.#alive > 0;
    if (holds === this.#holds) return;
    this.#holds = holds;
    if (holds) this.#timer?.ref?.();
    else this.#timer?.unref?.();
  }

  #rise(deadline: Deadline): void {
    while (deadline.index > 0) {
      const parent = this.#heap[(deadline.index - 1) >> 1];
      if (!parent || isBefore(parent, deadline)) return;
      this.#swap(deadline, parent);
    }
  }

  #sink(deadline: Deadline): void {
    for (;;) {
      const left = this.#heap[2 * deadline.index + 1];
      const right = this.#heap[2 * deadline.index + 2];
      const child = left && right && isBefore(right, left) ? right : left;
      if (!child || isBefore(deadline, child)) return;
      this.#swap(child, deadline);
    }
  }

  #swap(a: Deadline, b: Deadline): void {
    const { index } = a;
    a.index = b.index;
    b.index = index;
    this.#heap[a.index] = a;
    this.#heap[b.index] = b;
  }
}

function isBefore(a: Deadline, b: Deadline): boolean {
  return a.due < b.due || (a.due === b.due && a.order < b.order);
}
