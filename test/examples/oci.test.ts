import { generateText, stepCountIs, streamText, tool } from "ai";
import { ConfigFileAuthenticationDetailsProvider, DefaultRequestSigner } from "oci-common";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { z } from "zod";
import { signingFetch } from "../../examples/model/signing-fetch.js";
import { chooseModel } from "../../examples/model.js";
import { makeOciHome, type OciHome } from "./oci-config.js";
import { type OciEndpoint, startOciEndpoint } from "./oci-endpoint.js";

const weatherTool = tool({
  description: "The weather of a city.",
  inputSchema: z.object({ city: z.string() }),
  execute: ({ city }) => `It is sunny in ${city}.`,
});
const question = { prompt: "How is the weather in Kraków? 🌦", maxRetries: 0 };
const toolQuestion = { ...question, tools: { get_weather: weatherTool }, stopWhen: stepCountIs(3) };

let home: OciHome;
let endpoint: OciEndpoint;
let env: Record<string, string>;

beforeAll(() => {
  home = makeOciHome();
});
afterAll(() => home.remove());

beforeEach(async () => {
  endpoint = await startOciEndpoint({ publicKeyPem: home.publicKeyPem, keyId: home.keyId, bearerKey: "sk-right" });
  env = {
    HOME: home.folder,
    OCI_CONFIG_FILE: home.writeConfig({ DEFAULT: home.profile }),
    OCI_GENAI_ENDPOINT: endpoint.url,
  };
  return () => endpoint.close();
});

/** Bodies of the chat requests that the endpoint let in. */
function chats(): { model: string; stream?: boolean; messages: { role: string; content: unknown }[] }[] {
  return endpoint.requests.map((request) => JSON.parse(request.body));
}

describe("with a signature", () => {
  test("a completion is signed, addressed and counted", async () => {
    const { model, description } = await chooseModel(env);
    const result = await generateText({ model, ...question });

    expect(result.text).toBe("Sunny in Kraków.");
    expect(result.usage).toMatchObject({ inputTokens: 21, outputTokens: 7 });
    expect(chats()[0]?.model).toBe("openai.gpt-oss-120b");
    expect(endpoint.requests[0]?.path).toBe("/openai/v1/chat/completions");
    expect(endpoint.requests[0]?.headers["opc-compartment-id"]).toBe(home.profile.tenancy);
    expect(endpoint.requests[0]?.headers.compartmentid).toBe(home.profile.tenancy);
    expect(description).toContain("OCI Generative AI, openai.gpt-oss-120b");
  });

  test("a stream arrives in pieces", async () => {
    const { model } = await chooseModel(env);
    const result = streamText({ model, ...question });
    const pieces: string[] = [];
    for await (const piece of result.textStream) pieces.push(piece);

    expect(pieces).toEqual(["Sunny ", "in ", "Kraków."]);
    expect(await result.usage).toMatchObject({ inputTokens: 21, outputTokens: 7 });
    expect(chats()[0]?.stream).toBe(true);
  });

  test("generateText gets a tool call, runs the tool and sends the result", async () => {
    const { model } = await chooseModel(env);
    const result = await generateText({ model, ...toolQuestion });

    expect(result.steps.flatMap((step) => step.toolResults)).toMatchObject([
      { toolName: "get_weather", input: { city: "Kraków" }, output: "It is sunny in Kraków." },
    ]);
    expect(result.text).toBe("Sunny in Kraków.");
    expect(chats().at(-1)?.messages.at(-1)).toMatchObject({ role: "tool", content: "It is sunny in Kraków." });
  });

  test("streamText puts a tool call together from its pieces, runs the tool and sends the result", async () => {
    const { model } = await chooseModel(env);
    const result = streamText({ model, ...toolQuestion });

    expect(await result.text).toBe("Sunny in Kraków.");
    expect((await result.steps).flatMap((step) => step.toolCalls)).toMatchObject([{ input: { city: "Kraków" } }]);
    expect(chats().map((chat) => chat.stream)).toEqual([true, true]);
    expect(chats().at(-1)?.messages.at(-1)).toMatchObject({ role: "tool", content: "It is sunny in Kraków." });
  });

  test("compartment, profile and model are taken from the environment", async () => {
    const other = { ...home.profile, user: "ocid1.user.oc1..somebody-else" };
    const { model } = await chooseModel({
      ...env,
      OCI_CONFIG_FILE: home.writeConfig({ DEFAULT: other, TRAVEL: home.profile }),
      OCI_PROFILE: "TRAVEL",
      OCI_COMPARTMENT_ID: "ocid1.compartment.oc1..travel",
      OCI_MODEL_ID: "meta.llama-3.3-70b-instruct",
    });
    await generateText({ model, ...question });

    expect(endpoint.requests[0]?.headers["opc-compartment-id"]).toBe("ocid1.compartment.oc1..travel");
    expect(chats()[0]?.model).toBe("meta.llama-3.3-70b-instruct");
  });

  test("the profile can be named as the OCI command line tool has it", async () => {
    const config = home.writeConfig({ DEFAULT: { ...home.profile, fingerprint: "old" }, TRAVEL: home.profile });
    const { model } = await chooseModel({ ...env, OCI_CONFIG_FILE: config, OCI_CLI_PROFILE: "TRAVEL" });
    await expect(generateText({ model, ...question })).resolves.toMatchObject({ text: "Sunny in Kraków." });
  });

  test("a security token signs in its own name", async () => {
    await endpoint.close();
    endpoint = await startOciEndpoint({ publicKeyPem: home.publicKeyPem, keyId: "ST$the-token" });
    const token = home.writeFile("token", "the-token");
    const config = home.writeConfig({ DEFAULT: { ...home.profile, user: undefined, security_token_file: token } });
    const { model } = await chooseModel({ ...env, OCI_CONFIG_FILE: config, OCI_GENAI_ENDPOINT: endpoint.url });
    await expect(generateText({ model, ...question })).resolves.toMatchObject({ text: "Sunny in Kraków." });
  });

  test("a signature by another key is refused by the endpoint, and the refusal is told", async () => {
    const stranger = makeOciHome();
    const { model } = await chooseModel({
      ...env,
      OCI_CONFIG_FILE: stranger.writeConfig({ DEFAULT: stranger.profile }),
    });
    stranger.remove();
    await expect(generateText({ model, ...question })).rejects.toMatchObject({
      statusCode: 401,
      responseBody: expect.stringContaining("signature does not fit"),
    });
    expect(endpoint.requests).toEqual([]);
  });

  test("the endpoint is that of the region", async () => {
    const { OCI_GENAI_ENDPOINT: _, ...rest } = env;
    expect((await chooseModel(rest)).description).toMatch(/ at eu-frankfurt-1$/);
    expect((await chooseModel({ ...rest, OCI_REGION: "us-chicago-1" })).description).toMatch(/ at us-chicago-1$/);
  });
});

describe("fetch that signs", () => {
  const signed = (): typeof fetch =>
    signingFetch(new DefaultRequestSigner(new ConfigFileAuthenticationDetailsProvider(env.OCI_CONFIG_FILE)));
  const echo = async (init: RequestInit, path = "/echo?a=1&b=%20x"): Promise<{ path: string; body: string }> => {
    const response = await signed()(`${endpoint.url}${path}`, init);
    const answer = await response.text();
    expect(response.status, answer).toBe(200);
    return JSON.parse(answer);
  };

  test("a body of bytes, of a stream, of form fields", async () => {
    const bytes = new TextEncoder().encode("Kraków 🌦");
    const stream = new Blob(["in ", "two pieces: ó"]).stream();
    expect((await echo({ method: "POST", body: bytes })).body).toBe("Kraków 🌦");
    expect((await echo({ method: "POST", body: stream, duplex: "half" })).body).toBe("in two pieces: ó");
    expect((await echo({ method: "POST", body: new URLSearchParams({ city: "Kraków" }) })).body).toBe(
      "city=Krak%C3%B3w",
    );
  });

  test("an empty body and none", async () => {
    expect((await echo({ method: "POST", body: "" })).body).toBe("");
    expect((await echo({ method: "POST" })).body).toBe("");
    expect((await echo({ method: "GET" })).path).toBe("/openai/v1/echo?a=1&b=%20x");
  });

  test("half a character at the end of a string is sent as it was signed", async () => {
    expect((await echo({ method: "POST", body: "\ud83c" })).body).toBe("\ufffd");
  });

  test("bytes that are no text are refused rather than signed wrongly", async () => {
    const send = signed()(`${endpoint.url}/echo`, { method: "POST", body: new Uint8Array([0xff, 0xfe]) });
    await expect(send).rejects.toThrow("only requests with a UTF-8 body can be signed");
  });

  test("an abort ends the request", async () => {
    const send = signed()(`${endpoint.url}/echo`, { method: "POST", body: "x", signal: AbortSignal.abort() });
    await expect(send).rejects.toThrow(expect.objectContaining({ name: "AbortError" }));
  });
});

describe("with an API key", () => {
  test("the key goes as it is and no configuration file is read", async () => {
    const { model } = await chooseModel({
      SPANBUS_MODEL_PROVIDER: "oci",
      OCI_CONFIG_FILE: "/nowhere",
      OCI_GENAI_API_KEY: "sk-right",
      OCI_GENAI_ENDPOINT: endpoint.url,
    });
    await expect(generateText({ model, ...toolQuestion })).resolves.toMatchObject({ text: "Sunny in Kraków." });
    expect(endpoint.requests[0]?.headers).not.toHaveProperty("opc-compartment-id");
  });

  test("the compartment goes along where it is given", async () => {
    const { model } = await chooseModel({
      SPANBUS_MODEL_PROVIDER: "oci",
      OCI_GENAI_API_KEY: "sk-right",
      OCI_GENAI_ENDPOINT: endpoint.url,
      OCI_COMPARTMENT_ID: "ocid1.compartment.oc1..travel",
    });
    expect(await streamText({ model, ...question }).text).toBe("Sunny in Kraków.");
    expect(endpoint.requests[0]?.headers["opc-compartment-id"]).toBe("ocid1.compartment.oc1..travel");
  });

  test("a wrong key is refused by the endpoint", async () => {
    const { model } = await chooseModel({ ...env, OCI_GENAI_API_KEY: "sk-wrong" });
    await expect(generateText({ model, ...question })).rejects.toMatchObject({ statusCode: 401 });
  });

  test("the region gives the endpoint, and is asked for", async () => {
    const key = { SPANBUS_MODEL_PROVIDER: "oci", OCI_GENAI_API_KEY: "sk-right" };
    expect((await chooseModel({ ...key, OCI_REGION: "us-chicago-1" })).description).toMatch(/ at us-chicago-1$/);
    await expect(chooseModel(key)).rejects.toThrow("OCI_GENAI_API_KEY is set, so OCI_REGION must be set as well");
  });
});

describe("a broken configuration is told by file, profile and key", () => {
  test("no such file", async () => {
    await expect(chooseModel({ OCI_CONFIG_FILE: "/nowhere/config" })).rejects.toThrow(
      /^OCI config \/nowhere\/config \(profile DEFAULT\) cannot be read: ENOENT/,
    );
  });

  test("no such profile", async () => {
    const file = home.writeConfig({ DEFAULT: home.profile, TRAVEL: home.profile });
    await expect(chooseModel({ OCI_CONFIG_FILE: file, OCI_PROFILE: "TRAVLE" })).rejects.toThrow(
      `OCI config ${file} has no profile TRAVLE; it has DEFAULT, TRAVEL`,
    );
  });

  test("a line that is no entry", async () => {
    const file = home.writeFile("garbled", "[DEFAULT]\nuser\n");
    await expect(chooseModel({ OCI_CONFIG_FILE: file })).rejects.toThrow(
      `OCI config ${file} (profile DEFAULT) cannot be read: `,
    );
  });

  test.each(["tenancy", "user", "fingerprint", "key_file", "region"])("no %s", async (key) => {
    const file = home.writeConfig({ DEFAULT: {}, TRAVEL: { ...home.profile, [key]: undefined } });
    await expect(chooseModel({ OCI_CONFIG_FILE: file, OCI_PROFILE: "TRAVEL" })).rejects.toThrow(
      `OCI config ${file}, profile TRAVEL: \`${key}\` is missing`,
    );
  });

  test.each(["key_file", "security_token_file"])("a %s that cannot be read", async (key) => {
    const file = home.writeConfig({ DEFAULT: { ...home.profile, [key]: "/nowhere/secret" } });
    await expect(chooseModel({ OCI_CONFIG_FILE: file })).rejects.toThrow(
      `OCI config ${file}, profile DEFAULT: \`${key}\` names /nowhere/secret, which cannot be read (ENOENT`,
    );
  });

  test("a key file that holds no key", async () => {
    const secret = "-----BEGIN PRIVATE KEY-----\nnot-to-be-shown\n-----END PRIVATE KEY-----\n";
    const file = home.writeConfig({ DEFAULT: { ...home.profile, key_file: home.writeFile("bad.pem", secret) } });
    const refusal = await chooseModel({ OCI_CONFIG_FILE: file }).catch((error: Error) => error.message);
    expect(refusal).toContain(`OCI config ${file}, profile DEFAULT: \`key_file\` is no private key that`);
    expect(refusal).not.toContain("not-to-be-shown");
  });

  test("an entry that a profile lacks is taken from DEFAULT, as all OCI tools do", async () => {
    const file = home.writeConfig({ DEFAULT: home.profile, TRAVEL: { region: "us-chicago-1" } });
    const { model } = await chooseModel({ ...env, OCI_CONFIG_FILE: file, OCI_PROFILE: "TRAVEL" });
    await expect(generateText({ model, ...question })).resolves.toMatchObject({ text: "Sunny in Kraków." });
  });
});
