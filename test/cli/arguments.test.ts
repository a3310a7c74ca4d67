import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { closeAfterEach, run } from "./support.js";

closeAfterEach();

const timeout = 30_000;

describe("wrong arguments", { timeout }, () => {
  it.each<[string, readonly string[], string]>([
    ["no command", [], "a command is needed; the commands are tail, demo"],
    ["an unknown command", ["watch"], "unknown command watch; the commands are tail, demo"],
    ["an option in front of the command", ["--json"], "unknown option --json; the commands are tail, demo"],
    [
      "an unknown option",
      ["tail", "--runs", "x"],
      "unknown option --runs; the options are --run, --wait, --types, --since, --json, --header, --give-up, --help",
    ],
    ["an unknown short option", ["demo", "-p", "1"], "unknown option -p; the options are --port, --speed, --help"],
    ["an option without its value", ["tail", "--run"], "--run needs a value: --run <id>"],
    ["an option in place of a value", ["tail", "--run", "--json"], "--run needs a value: --run <id>"],
    ["a value for an option that takes none", ["tail", "--json=yes"], "--json takes no value, got yes"],
    ["an option given twice", ["tail", "--run", "a", "--run", "b"], "--run may be given once"],
    ["two urls", ["tail", "http://a", "http://b"], "there may be one url, got http://a http://b"],
    [
      "an address without a scheme",
      ["tail", "localhost:4320"],
      '`[url]` must be an http or https address, got "localhost:4320"',
    ],
    ["a password in the address", ["tail", "http://me:secret@host"], "`[url]` must not hold a user or a password"],
    [
      "a query in the address",
      ["tail", "http://host/?token=secret"],
      "`[url]` must be an address without query and hash: --run follows one run, --header says who asks",
    ],
    [
      "the address of a run on the page",
      ["tail", "http://127.0.0.1:1/agents/#/run/travel-1"],
      "`[url]` must be an address without query and hash: --run follows one run, --header says who asks",
    ],
    ["a run id that is none", ["tail", "--run", "x".repeat(257)], "`--run` must be 1 to 256 characters"],
    [
      "a run id that no address can hold",
      ["tail", "--run", ".."],
      '`--run` must be 1 to 256 characters without control characters, other than "." and "..", got ".."',
    ],
    ["waiting for nothing", ["tail", "--wait"], "--wait needs --run"],
    [
      "types that are none",
      ["tail", "--types", "agent.*,*"],
      '`--types` must be names, or prefixes ending in .*, separated by commas, got "*"',
    ],
    [
      "a time that is none",
      ["tail", "--since", "yesterday"],
      "`--since` must be a duration such as 30s, 5m, 2h or 1d, a time",
    ],
    ["a patience that is none", ["tail", "--give-up", "5"], "`--give-up` must be a duration such as 250ms"],
    [
      "a patience beyond all counting",
      ["tail", "--give-up", "999999999d"],
      '`--give-up` must be a duration such as 250ms, 30s, 5m, 2h or 1d, at most 104249991d, got "999999999d"',
    ],
    ["a header that is none", ["tail", "--header", "no colon"], '`--header` must be like "Name: value"'],
    [
      "a port that is none",
      ["demo", "--port", "65536"],
      '`--port` must be a whole number from 0 to 65535, got "65536"',
    ],
    ["a speed that is none", ["demo", "--speed", "0"], '`--speed` must be a number from 0.1 to 100, got "0"'],
    ["an argument that nobody takes", ["demo", "here"], "demo takes no arguments, got here"],
  ])("%s: says what is allowed, and exits with 2", async (_, args, message) => {
    const { code, output, notes } = await run(args);
    expect(notes).toContain(`spanbus: ${message}`);
    expect(notes).toContain("--help");
    expect(notes).not.toContain("secret");
    expect(output).toBe("");
    expect(code).toBe(2);
  });
});

describe("help", { timeout }, () => {
  it("of the command names the commands, with examples", async () => {
    const { code, output } = await run(["--help"]);
    expect(output).toMatch(/^Commands:\n {2}tail .*\n(?:.*\n)*? {2}demo /m);
    expect(output).toContain("Examples:\n");
    expect(code).toBe(0);
  });

  it.each(["tail", "demo"])(
    "of %s names every option, examples and exit codes, at most 100 columns wide",
    async (command) => {
      const { code, output } = await run([command, "--help"]);
      const { notes } = await run([command, "--nothing"]);
      const options = [...notes.matchAll(/ (--[a-z-]+)(?=,|$)/gm)].map(([, option = ""]) => option);
      expect(options.length).toBeGreaterThan(2);
      for (const option of options) expect(output).toMatch(new RegExp(`^ {2}${option}\\b`, "m"));
      expect(output).toMatch(/^Examples:\n {2}spanbus /m);
      expect(output).toMatch(/^Exit codes:\n {2}0 {2,}/m);
      expect(Math.max(...output.split("\n").map((line) => line.length))).toBeLessThanOrEqual(100);
      expect(code).toBe(0);
    },
  );

  it("tells the version", async () => {
    const { version } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"));
    expect((await run(["--version"])).output).toBe(`${version}\n`);
  });
});
