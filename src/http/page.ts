import { script, style } from "./page-document.js";

const icon = `data:image/svg+xml,${encodeURIComponent(
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24"><rect x="2" y="4" width="20" height="4" rx="2" fill="#8b74ff"/><rect x="5" y="10" width="9" height="4" rx="2" fill="#3d8cf5"/><rect x="13" y="16" width="7" height="4" rx="2" fill="#17b39a"/></svg>',
)}`;

/** The page, as one document. Script and style carry the nonce; nothing else in it can act. */
export function page(nonce: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>spanbus</title>
<link rel="icon" href="${icon}">
<style nonce="${nonce}">${style}</style>
</head>
<body>
<div id="page"></div>
<noscript>This page shows agents while they run. It needs JavaScript; the same is at <code>runs</code> as JSON.</noscript>
<script nonce="${nonce}">${script}</script>
</body>
</html>
`;
}
