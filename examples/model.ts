import { existsSync } from "node:fs";
import type { LanguageModel } from "ai";
import { type Environment, ociConfigFile, setting } from "./model/environment.js";

/** A model for the AI SDK, and a few words for the reader of the output. */
export interface ChosenModel {
  readonly model: LanguageModel;
  readonly description: string;
}

const providers = ["oci", "openai", "mock"] as const;
type Provider = (typeof providers)[number];

/**
 * The model that the examples talk to: OCI Generative AI where an OCI configuration is at hand, else a scripted one
 * that needs no network. `SPANBUS_MODEL_PROVIDER` (`oci`, `openai`, `mock`) decides otherwise.
 */
export async function chooseModel(env: Environment = process.env): Promise<ChosenModel> {
  switch (providerOf(env)) {
    // Loaded when needed: the OCI SDK takes longer to load than the scripted examples take to run.
    case "oci":
      return (await import("./model/oci.js")).ociModel(env);
    case "openai":
      return (await import("./model/openai.js")).openaiModel(env);
    case "mock":
      return (await import("./model/scripted.js")).scriptedModel();
  }
}

function providerOf(env: Environment): Provider {
  const name = setting(env, "SPANBUS_MODEL_PROVIDER");
  if (name === undefined) return hasOciConfig(env) ? "oci" : "mock";
  const provider = providers.find((known) => known === name);
  if (provider === undefined) {
    throw new RangeError(`SPANBUS_MODEL_PROVIDER must be one of ${providers.join(", ")}, got "${name}"`);
  }
  return provider;
}

/** A file that was named but does not exist counts: its owner wants OCI and should be told, not served by a script. */
function hasOciConfig(env: Environment): boolean {
  return setting(env, "OCI_CONFIG_FILE") !== undefined || existsSync(ociConfigFile(env));
}
