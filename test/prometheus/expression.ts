/** Puts in what Grafana puts into an expression of a panel: by default all instances and all buses. */
export function expressionFor(expression: string, { instance = ".*", component = ".*", window = "10s" } = {}): string {
  const variables: Record<string, string> = { instance, component, __rate_interval: window };
  return expression.replace(/\$(?:{(\w+)}|(\w+))/g, (_, braced: string | undefined, bare: string | undefined) => {
    const name = braced ?? bare ?? "";
    const value = variables[name];
    if (value === undefined) throw new Error(`no value for $${name} in ${expression}`);
    return value;
  });
}
