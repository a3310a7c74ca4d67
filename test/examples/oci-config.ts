import { generateKeyPairSync } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A folder with a private key and OCI configuration files, gone after the tests. */
export interface OciHome {
  readonly folder: string;
  readonly keyFile: string;
  readonly publicKeyPem: string;
  /** Entries of a complete profile. */
  readonly profile: Readonly<Record<string, string>>;
  /** The key id in whose name the complete profile signs. */
  readonly keyId: string;
  /** Writes a configuration file; an entry that is `undefined` is left out. Gives its path. */
  writeConfig(profiles: Record<string, Record<string, string | undefined>>): string;
  writeFile(name: string, content: string): string;
  remove(): void;
}

export function makeOciHome(): OciHome {
  const folder = mkdtempSync(join(tmpdir(), "oci-home-"));
  const { privateKey, publicKey } = generateKeyPairSync("rsa", {
    modulusLength: 2048,
    privateKeyEncoding: { type: "pkcs8", format: "pem" },
    publicKeyEncoding: { type: "spki", format: "pem" },
  });
  let files = 0;
  const writeFile = (name: string, content: string): string => {
    const path = join(folder, name);
    writeFileSync(path, content, { mode: 0o600 });
    return path;
  };
  const keyFile = writeFile("key.pem", privateKey);
  const profile = {
    tenancy: "ocid1.tenancy.oc1..home",
    user: "ocid1.user.oc1..ada",
    fingerprint: "aa:bb:cc",
    key_file: keyFile,
    region: "eu-frankfurt-1",
  };
  return {
    folder,
    keyFile,
    publicKeyPem: publicKey,
    profile,
    keyId: `${profile.tenancy}/${profile.user}/${profile.fingerprint}`,
    writeFile,
    writeConfig: (profiles) => {
      const lines = Object.entries(profiles).flatMap(([name, entries]) => [
        `[${name}]`,
        ...Object.entries(entries).flatMap(([key, value]) => (value === undefined ? [] : [`${key}=${value}`])),
      ]);
      files += 1;
      return writeFile(`config-${files}`, `${lines.join("\n")}\n`);
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}
