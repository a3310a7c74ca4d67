/** What Node warns of. Imported first, so that it hears what loading the packages says. */
export const warnings: readonly string[] = listen();

function listen(): readonly string[] {
  const heard: string[] = [];
  process.on("warning", ({ name, message }) => heard.push(`${name}: ${message}`));
  return heard;
}
