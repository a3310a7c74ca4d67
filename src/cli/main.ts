#!/usr/bin/env node
import { readFileSync } from "node:fs";
import { readArguments, UsageError } from "./arguments.js";
import type { Command } from "./command.js";
import { demo } from "./demo.js";
import { type Exit, exits } from "./exit-codes.js";
import { manual, overview } from "./help.js";
import { tail } from "./tail.js";
import { Terminal } from "./terminal.js";

const commands: readonly Command[] = [tail, demo];

async function main([name, ...args]: readonly string[], terminal: Terminal): Promise<Exit> {
  if (name === "--help" || name === "-h" || name === "help") return said(terminal, overview(commands));
  if (name === "--version") return said(terminal, version());
  const command = commands.find((each) => each.name === name);
  if (command && (args.includes("--help") || args.includes("-h"))) return said(terminal, manual(command));
  try {
    if (!command) throw new UsageError(unknownCommand(name));
    return await command.run(readArguments(args, command.flags), terminal);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    terminal.note(error.message);
    terminal.note(`see spanbus ${command ? `${command.name} ` : ""}--help`);
    return "usage";
  }
}

function unknownCommand(name: string | undefined): string {
  const allowed = `the commands are ${commands.map((each) => each.name).join(", ")}`;
  if (name === undefined) return `a command is needed; ${allowed}`;
  return `unknown ${name.startsWith("-") ? "option" : "command"} ${name}; ${allowed}`;
}

async function said(terminal: Terminal, text: string): Promise<Exit> {
  await terminal.write(`${text}\n`);
  return "completed";
}

function version(): string {
  const manifest = readFileSync(new URL("../../package.json", import.meta.url), "utf8");
  return (JSON.parse(manifest) as { version: string }).version;
}

const terminal = new Terminal(process.stdout, process.stderr, process.env);
main(process.argv.slice(2), terminal).then((exit) => {
  const { fault } = terminal;
  if (fault) terminal.note(`the output could not be written: ${fault.message}`);
  process.exitCode = exits[fault ? "unwritten" : exit].code;
  if (terminal.isStuck) process.exit();
});
