import { homedir } from "node:os";
import { join } from "node:path";

/** `process.env`, or something like it. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** The variable's value; an empty one counts as not set. */
export function setting(env: Environment, name: string): string | undefined {
  return env[name]?.trim() || undefined;
}

/** Where the OCI command line tool and SDKs keep their configuration. */
export function ociConfigFile(env: Environment): string {
  return setting(env, "OCI_CONFIG_FILE") ?? join(setting(env, "HOME") ?? homedir(), ".oci", "config");
}
