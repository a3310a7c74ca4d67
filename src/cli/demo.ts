import { wrong } from "../bus/checks.js";
import { type Arguments, UsageError } from "./arguments.js";
import type { Command } from "./command.js";
import type { Exit } from "./exit-codes.js";
import { untilSignal } from "./signals.js";
import { DEFAULT_URL } from "./tail.js";
import type { Terminal } from "./terminal.js";

const DEFAULT_PORT = Number(new URL(DEFAULT_URL).port);

const flags = {
  port: { value: "<number>", says: `port on 127.0.0.1, 0 for any that is free. Default ${DEFAULT_PORT}.` },
  speed: { value: "<factor>", says: "how much faster than life the agents work, from 0.1 to 100. Default 1." },
  help: { says: "this text" },
} as const;

/** `spanbus demo`: agents at work, and everything that shows them. */
export const demo: Command<typeof flags> = {
  name: "demo",
  says: "Runs scripted agents until it is stopped, with the page, the streams and Prometheus metrics on 127.0.0.1.",
  flags,
  notes: [
    "The agents call no model and no network: what they say is written down. Their spans are real, made with the " +
      "OpenTelemetry API after the conventions for generative AI: tools, a tool that fails and is tried again, streaming, " +
      "agents as tools and handoffs, tools in parallel, a guardrail that objects.",
  ],
  examples: [
    { call: "spanbus demo", says: `agents to look at: ${DEFAULT_URL}` },
    { call: "spanbus demo --port 0 --speed 3", says: "at any free port, three times as fast" },
  ],
  exits: ["stopped", "cannotStart", "usage", "unwritten"],
  run: runDemo,
};

async function runDemo({ values, operands }: Arguments<typeof flags>, terminal: Terminal): Promise<Exit> {
  if (operands.length > 0) throw new UsageError(`demo takes no arguments, got ${operands.join(" ")}`);
  const port = portOf(values.port ?? String(DEFAULT_PORT));
  const speed = speedOf(values.speed ?? "1");
  const signals = untilSignal();
  try {
    const { startDemo } = await import("./demo-service.js");
    const service = await startDemo({ port, speed });
    await terminal.write(greeting(service.url));
    await aborted(AbortSignal.any([signals.signal, terminal.gone]));
    await service.stop();
    return "stopped";
  } catch (error) {
    terminal.note(whyNot(error, port));
    return "cannotStart";
  } finally {
    signals.off();
  }
}

function greeting(url: string): string {
  const address = url === DEFAULT_URL ? "" : ` ${url}`;
  return [
    "Agents are at work. Watch them:",
    "",
    `  page      ${url}`,
    `  metrics   ${url}metrics`,
    `  terminal  npx spanbus tail${address}`,
    "",
    "Ctrl-C stops them.",
    "",
  ].join("\n");
}

/** @throws what is none of the reasons that can be named. */
function whyNot(error: unknown, port: number): string {
  const { code } = error as NodeJS.ErrnoException;
  if (code === "ERR_MODULE_NOT_FOUND")
    return "the demo needs a package that is not installed: npm install @opentelemetry/api";
  if (code === "EADDRINUSE") return `port ${port} is taken: name another with --port, or --port 0 for any that is free`;
  if (code === "EACCES") return `port ${port} is not allowed to you: name another with --port`;
  throw error;
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}

function portOf(text: string): number {
  if (!/^\d{1,5}$/.test(text) || Number(text) > 65_535)
    throw wrong(UsageError, "--port", "a whole number from 0 to 65535", text);
  return Number(text);
}

function speedOf(text: string): number {
  const speed = /^\d{1,3}(\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
  if (!(speed >= 0.1 && speed <= 100)) throw wrong(UsageError, "--speed", "a number from 0.1 to 100", text);
  return speed;
}
