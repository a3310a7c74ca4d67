import { execFileSync } from "node:child_process";
import { bundledPackages } from "./demo-packages.js";

const program = ["exec", "--yes", "--package=@cyclonedx/cyclonedx-npm@6", "--", "cyclonedx-npm"];
const list = JSON.parse(execFileSync("npm", [...program, "--omit", "dev"], { encoding: "utf8" }));

// npm takes what is built into the package for ours alone. Some of it is there twice, in one version.
const parts = new Map(
  (await bundledPackages({ write: false })).map(({ name, version, license }) => {
    const [unscoped = "", group] = name.split("/").reverse();
    const purl = `pkg:npm/${name.replace("@", "%40")}@${version}`;
    const licenses = [{ license: { id: license } }];
    return [
      purl,
      { type: "library", ...(group && { group }), name: unscoped, version, "bom-ref": purl, licenses, purl },
    ];
  }),
);
list.components.push(...parts.values());
process.stdout.write(`${JSON.stringify(list, undefined, 2)}\n`);
