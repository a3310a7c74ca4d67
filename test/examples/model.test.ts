import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { dispatch } from "../../examples/agent.js";
import { scriptedModel } from "../../examples/model/scripted.js";
import { chooseModel } from "../../examples/model.js";

let emptyHome: string;
beforeAll(() => {
  emptyHome = mkdtempSync(join(tmpdir(), "no-oci-"));
});
afterAll(() => rmSync(emptyHome, { recursive: true, force: true }));

describe("which model", () => {
  test("the scripted one, where nothing is configured", async () => {
    expect((await chooseModel({ HOME: emptyHome, SPANBUS_MODEL_PROVIDER: "" })).description).toContain("scripted");
  });

  test("OCI, where its configuration file is in the home folder", async () => {
    const home = mkdtempSync(join(tmpdir(), "oci-"));
    mkdirSync(join(home, ".oci"));
    writeFileSync(join(home, ".oci", "config"), "[DEFAULT]\n");
    await expect(chooseModel({ HOME: home })).rejects.toThrow(
      `OCI config ${join(home, ".oci", "config")}, profile DEFAULT`,
    );
    expect((await chooseModel({ HOME: home, SPANBUS_MODEL_PROVIDER: "mock" })).description).toContain("scripted");
    rmSync(home, { recursive: true });
  });

  test("OpenAI only when asked for", async () => {
    const env = { HOME: emptyHome, OPENAI_API_KEY: "sk-test" };
    expect((await chooseModel(env)).description).toContain("scripted");
    expect((await chooseModel({ ...env, SPANBUS_MODEL_PROVIDER: "openai" })).description).toBe("OpenAI, gpt-4.1-mini");
    await expect(chooseModel({ SPANBUS_MODEL_PROVIDER: "openai" })).rejects.toThrow("needs OPENAI_API_KEY");
  });

  test("an unknown provider is told with those that are known", async () => {
    await expect(chooseModel({ SPANBUS_MODEL_PROVIDER: "gemini" })).rejects.toThrow(
      'SPANBUS_MODEL_PROVIDER must be one of oci, openai, mock, got "gemini"',
    );
  });
});

describe.each([{ stream: false }, { stream: true }])("the agent with the scripted model, stream: $stream", (mode) => {
  const { model } = scriptedModel({ delayMillis: 1 });

  test("answers with what its tools found", async () => {
    const answer = await dispatch(model, { from: "Berlin", to: "Rome" }, mode);
    expect(answer).toBe("Rome it is. Sunny, 24 °C in Rome. Flight Berlin to Rome, 08:15, 120 €.");
  });

  test("goes by train where the flight search fails", async () => {
    const answer = await dispatch(model, { from: "Berlin", to: "Oslo" }, mode);
    expect(answer).toBe("Oslo it is. Sunny, 24 °C in Oslo. Train Berlin to Oslo, 19:40, 89 €.");
  });
});
