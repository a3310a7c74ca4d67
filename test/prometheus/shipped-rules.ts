import { readFileSync } from "node:fs";

/** The rules file as it is shipped. */
export function shippedRules(): string {
  return readFileSync(new URL("../../dashboards/prometheus-rules.yaml", import.meta.url), "utf8");
}

/** The same rules, for a test that cannot wait: looked at every second, and nothing has to last longer than two. */
export function quickened(rules: string): string {
  const [quick, lasting] = replaced(rules, /^(\s+for:) .*$/gm, "$1 2s");
  const alerts = rules.match(/^\s+(- )?alert:/gm)?.length ?? 0;
  if (lasting === 0 || lasting > alerts) throw new Error(`${lasting} of ${alerts} alerts have to last`);
  const [quickest] = replaced(quick, /^(\s+interval:) .*$/gm, "$1 1s");
  return quickest;
}

function replaced(text: string, pattern: RegExp, by: string): [text: string, times: number] {
  return [text.replace(pattern, by), text.match(pattern)?.length ?? 0];
}
