import { readFileSync } from "node:fs";
import { keyTable, metaFields } from "../../src/redis/keys.js";
import { table } from "./markdown.js";

const between = /(<!-- keys: .*? -->\n)[\s\S]*?(<!-- \/keys -->)/;

/** docs/DISTRIBUTED.md as it stands, with the tables of keys and fields made anew. */
export function distributedPage(): string {
  const page = readFileSync(new URL("../../docs/DISTRIBUTED.md", import.meta.url), "utf8");
  if (!between.test(page)) throw new Error("docs/DISTRIBUTED.md has no place for its keys");
  return page.replace(between, (_, open: string, close: string) => `${open}\n${tables()}\n\n${close}`);
}

function tables(): string {
  const keys = Object.values(keyTable).map(({ name, type, says }) => [`\`${name}\``, type, says]);
  const fields = Object.entries(metaFields).map(([name, says]) => [`\`${name}\``, says]);
  return [
    table(["name", "type", "what"], keys),
    "",
    "Fields of the hash `{run}:meta`; times are milliseconds of the server's clock, but those of events:",
    "",
    table(["field", "what"], fields),
  ].join("\n");
}
