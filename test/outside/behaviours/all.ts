import { agents } from "./agents.js";
import type { Behaviours } from "./behaviour.js";
import { events } from "./events.js";
import { outlets } from "./outlets.js";
import { processors } from "./processors.js";
import { reading } from "./reading.js";
import { runs } from "./runs.js";

export const all: Behaviours = { ...agents, ...events, ...reading, ...runs, ...processors, ...outlets };
