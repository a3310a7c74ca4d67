import { diag } from "@opentelemetry/api";
import { attempt } from "../bus/attempt.js";
import { registered } from "./registered.js";

/** Says something to whoever set up `diag`. A logger that throws must not reach the application. */
export function tell(level: "warn" | "error", message: string, ...details: readonly unknown[]): void {
  attempt(() => (registered().diag ?? diag)[level](`spanbus: ${message}`, ...details), undefined);
}
