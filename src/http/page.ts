/** The page, as one document. Scripts and styles carry the nonce. */
export function page(nonce: string): string {
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>spanbus</title>
<p><a id="runs" href="runs">Runs</a></p>
<script nonce="${nonce}">
  // The address may end with a slash or without one.
  document.getElementById("runs").href = location.pathname.replace(/\\/?$/, "/runs");
</script>
</html>
`;
}
