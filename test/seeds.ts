/** Where random tests begin: a seed that never changes, so that a failure stays one, and a fresh one, so that new ground is tried. */
export const FIXED_SEED = 20_260_101;

/** Of this run, or the one of `FC_SEED`. A failure prints it. */
export const freshSeed = Number(process.env["FC_SEED"] ?? Math.floor(Math.random() * 2 ** 31));
