import { createOpenAI } from "@ai-sdk/openai";
import { DefaultRequestSigner } from "oci-common";
import type { ChosenModel } from "../model.js";
import { type Environment, ociConfigFile, setting } from "./environment.js";
import { type OciProfile, profileError, readOciProfile } from "./oci-profile.js";
import { signingFetch } from "./signing-fetch.js";

const defaultModelId = "openai.gpt-oss-120b";

/**
 * OCI Generative AI through its OpenAI-compatible endpoint. Requests carry the key in `OCI_GENAI_API_KEY`, or are signed
 * with a profile of the OCI configuration file.
 *
 * | variable | meaning | default |
 * |---|---|---|
 * | `OCI_GENAI_API_KEY` | bearer key; no configuration file is read | none: sign |
 * | `OCI_CONFIG_FILE` | configuration file | `~/.oci/config` |
 * | `OCI_PROFILE`, `OCI_CLI_PROFILE` | profile in it | `DEFAULT` |
 * | `OCI_REGION` | region, such as `eu-frankfurt-1` | that of the profile |
 * | `OCI_COMPARTMENT_ID` | compartment that is billed | tenancy of the profile |
 * | `OCI_MODEL_ID` | model | `openai.gpt-oss-120b` |
 * | `OCI_GENAI_ENDPOINT` | base URL, up to and including `/openai/v1` | that of the region |
 */
export function ociModel(env: Environment): ChosenModel {
  const apiKey = setting(env, "OCI_GENAI_API_KEY");
  return apiKey === undefined ? signedModel(env) : bearerModel(env, apiKey);
}

function bearerModel(env: Environment, apiKey: string): ChosenModel {
  const region = setting(env, "OCI_REGION");
  const baseURL = setting(env, "OCI_GENAI_ENDPOINT") ?? (region && endpointOf(region));
  if (baseURL === undefined) {
    throw new Error("OCI_GENAI_API_KEY is set, so OCI_REGION must be set as well: no OCI configuration file is read");
  }
  const compartmentId = setting(env, "OCI_COMPARTMENT_ID");
  return describe(
    env,
    region,
    createOpenAI({ name: "oci", baseURL, apiKey, headers: compartmentHeaders(compartmentId) }),
  );
}

function signedModel(env: Environment): ChosenModel {
  const name = setting(env, "OCI_PROFILE") ?? setting(env, "OCI_CLI_PROFILE") ?? "DEFAULT";
  const profile = readOciProfile({ file: ociConfigFile(env), name }, setting(env, "OCI_REGION"));
  const provider = createOpenAI({
    name: "oci",
    baseURL: setting(env, "OCI_GENAI_ENDPOINT") ?? endpointOf(profile.region),
    apiKey: "replaced by the signature",
    headers: compartmentHeaders(setting(env, "OCI_COMPARTMENT_ID") ?? profile.tenancy),
    fetch: signingFetch(signerOf(profile)),
  });
  return describe(env, profile.region, provider);
}

function signerOf(profile: OciProfile): DefaultRequestSigner {
  try {
    return new DefaultRequestSigner(profile.credentials);
  } catch (cause) {
    throw profileError(profile, "key_file", "is no private key that `pass_phrase` (or none) opens", cause);
  }
}

function endpointOf(region: string): string {
  return `https://inference.generativeai.${region}.oci.oraclecloud.com/openai/v1`;
}

/** `opc-compartment-id` is the usual name; some have found that the endpoint asks for the other one, too. */
function compartmentHeaders(id: string | undefined): Record<string, string> {
  return id === undefined ? {} : { "opc-compartment-id": id, CompartmentId: id };
}

function describe(
  env: Environment,
  region: string | undefined,
  provider: ReturnType<typeof createOpenAI>,
): ChosenModel {
  const modelId = setting(env, "OCI_MODEL_ID") ?? defaultModelId;
  const place = setting(env, "OCI_GENAI_ENDPOINT") ?? region;
  return { model: provider.chat(modelId), description: `OCI Generative AI, ${modelId} at ${place}` };
}
