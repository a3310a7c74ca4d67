import type { DefaultRequestSigner, HttpRequest } from "oci-common";

/** `fetch` with an OCI signature on each request, in place of whatever authorization it had. */
export function signingFetch(signer: DefaultRequestSigner): typeof fetch {
  return async (input, init) => {
    const request = new Request(input, init);
    const body = request.body === null ? undefined : await textOf(request);
    const headers = new Headers(request.headers);
    headers.delete("authorization");
    await signer.signHttpRequest({ method: request.method as HttpRequest["method"], uri: request.url, headers, body });
    return fetch(request.url, {
      method: request.method,
      headers,
      signal: request.signal,
      ...(body !== undefined && { body }),
    });
  };
}

/** The signer hashes text, so bytes that are no text would get a wrong signature: better refused than sent. */
async function textOf(request: Request): Promise<string> {
  const bytes = await request.arrayBuffer();
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw new TypeError("only requests with a UTF-8 body can be signed", { cause });
  }
}
