/** A body was longer than allowed. */
export class TooLongError extends Error {
  constructor(maxBytes: number) {
    super(`more than ${maxBytes} bytes`);
    this.name = "TooLongError";
  }
}

/**
 * The text of a body. What is longer than allowed is not read to its end.
 *
 * @throws TooLongError, or what the connection fails with.
 */
export async function textOf({ body }: Response, maxBytes: number): Promise<string> {
  if (!body) return "";
  const reader = body.getReader();
  const decoder = new TextDecoder();
  const pieces: string[] = [];
  let bytes = 0;
  for (;;) {
    const { value } = await reader.read();
    if (!value) break;
    bytes += value.byteLength;
    if (bytes > maxBytes) {
      reader.cancel().catch(() => undefined);
      throw new TooLongError(maxBytes);
    }
    pieces.push(decoder.decode(value, { stream: true }));
  }
  pieces.push(decoder.decode());
  return pieces.join("");
}
