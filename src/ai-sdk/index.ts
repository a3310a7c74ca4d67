export { type AiSdkInlet, observeAiSdk } from "./observe-ai-sdk.js";
