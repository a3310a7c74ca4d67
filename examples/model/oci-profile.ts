import { accessSync, constants } from "node:fs";
import { ConfigFileAuthenticationDetailsProvider, ConfigFileReader, SessionAuthDetailProvider } from "oci-common";

type ConfigFile = ReturnType<typeof ConfigFileReader.parse>;

/** Which profile of which OCI configuration file. */
export interface ProfileName {
  readonly file: string;
  readonly name: string;
}

/** A profile whose entries are all there. */
export interface OciProfile extends ProfileName {
  readonly tenancy: string;
  readonly region: string;
  readonly credentials: ConfigFileAuthenticationDetailsProvider;
}

/** Reads a profile and says what is wrong with it in terms of file, profile and key, which the OCI SDK does not. */
export function readOciProfile(profile: ProfileName, regionOverride?: string): OciProfile {
  const config = readConfig(profile);
  const entry = (key: string): string => {
    const value = config.get(key);
    if (!value) throw profileError(profile, key, "is missing");
    return value;
  };
  const tenancy = entry("tenancy");
  const region = regionOverride ?? entry("region");
  for (const key of identityKeys(config)) entry(key);
  for (const key of ["key_file", "security_token_file"]) {
    const path = config.get(key);
    if (path) checkReadable(profile, key, path);
  }
  try {
    // A profile may have a token instead of a user; requests are then signed in the name of the token.
    const Credentials = config.get("security_token_file")
      ? SessionAuthDetailProvider
      : ConfigFileAuthenticationDetailsProvider;
    return { ...profile, tenancy, region, credentials: new Credentials(profile.file, profile.name) };
  } catch (cause) {
    throw new Error(`OCI config ${profile.file}, profile ${profile.name}: ${textOf(cause)}`, { cause });
  }
}

/** An error that points at one entry of the file. */
export function profileError({ file, name }: ProfileName, key: string, problem: string, cause?: unknown): Error {
  const because = cause === undefined ? "" : ` (${textOf(cause)})`;
  return new Error(`OCI config ${file}, profile ${name}: \`${key}\` ${problem}${because}`, { cause });
}

function readConfig({ file, name }: ProfileName): ConfigFile {
  let all: ConfigFile;
  try {
    accessSync(ConfigFileReader.expandUserHome(file), constants.R_OK);
    all = ConfigFileReader.parseFileFromPath(file, null);
  } catch (cause) {
    throw new Error(`OCI config ${file} (profile ${name}) cannot be read: ${textOf(cause)}`, { cause });
  }
  const names = [...all.accumulator.configurationsByProfile.keys()];
  if (!names.includes(name)) {
    throw new Error(`OCI config ${file} has no profile ${name}; it has ${names.join(", ") || "none"}`);
  }
  return ConfigFileReader.parseFileFromPath(file, name);
}

function identityKeys(config: ConfigFile): readonly string[] {
  // In Cloud Shell the identity is that of the machine.
  if (config.get("authentication_type")) return [];
  return config.get("security_token_file") ? ["fingerprint", "key_file"] : ["user", "fingerprint", "key_file"];
}

function checkReadable(profile: ProfileName, key: string, path: string): void {
  try {
    accessSync(ConfigFileReader.expandUserHome(path), constants.R_OK);
  } catch (cause) {
    throw profileError(profile, key, `names ${path}, which cannot be read`, cause);
  }
}

function textOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}
