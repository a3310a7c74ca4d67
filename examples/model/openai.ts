import { createOpenAI } from "@ai-sdk/openai";
import type { ChosenModel } from "../model.js";
import { type Environment, setting } from "./environment.js";

/** OpenAI itself, or whatever `OPENAI_BASE_URL` points at. */
export function openaiModel(env: Environment): ChosenModel {
  const apiKey = setting(env, "OPENAI_API_KEY");
  if (apiKey === undefined) throw new Error("SPANBUS_MODEL_PROVIDER=openai needs OPENAI_API_KEY, which is not set");
  const baseURL = setting(env, "OPENAI_BASE_URL");
  const modelId = setting(env, "OPENAI_MODEL_ID") ?? "gpt-4.1-mini";
  const openai = createOpenAI({ apiKey, ...(baseURL !== undefined && { baseURL }) });
  return { model: openai.chat(modelId), description: `OpenAI, ${modelId}` };
}
