import { attempt } from "../bus/attempt.js";

/** Hears what is read from a stream. */
export interface StreamListener {
  part(part: unknown): void;
  /** Once: the stream is read to its end, failed, or was left. */
  over(failure?: { readonly error: unknown }): void;
}

const reads = ["cancel", "getReader", "pipeThrough", "pipeTo", "tee", "values", Symbol.asyncIterator] as const;

/**
 * Hears what a reader of the stream gets, without reading ahead of it: what the listener is told was taken by the reader.
 * The stream gets own methods that go through a stream of their own, which is made with the first of them. False if that
 * cannot be, then the stream is as it was.
 */
export function watchStream(stream: unknown, listener: StreamListener): boolean {
  if (!isReadable(stream) || stream.locked) return false;
  let through: ReadableStream | undefined;
  const getReader = stream.getReader.bind(stream);
  const watched = (): ReadableStream => {
    through ??= passOn(getReader() as ReadableStreamDefaultReader, listener);
    return through;
  };
  const own: PropertyDescriptorMap = {};
  for (const name of reads) {
    if (typeof stream[name] !== "function") continue;
    const value = (...args: unknown[]): unknown => {
      const target = watched();
      return Reflect.apply(target[name] as (...given: unknown[]) => unknown, target, args);
    };
    own[name] = { value, writable: true, configurable: true, enumerable: false };
  }
  return attempt(() => Boolean(Object.defineProperties(stream, own)), false);
}

function passOn(reader: ReadableStreamDefaultReader, listener: StreamListener): ReadableStream {
  let isOver = false;
  const over = (failure?: { readonly error: unknown }): void => {
    if (isOver) return;
    isOver = true;
    attempt(() => listener.over(failure), undefined);
  };
  return new ReadableStream(
    {
      async pull(controller) {
        try {
          const { done, value } = await reader.read();
          if (done) {
            controller.close();
            return over();
          }
          controller.enqueue(value);
          attempt(() => listener.part(value), undefined);
        } catch (error) {
          controller.error(error);
          over({ error });
        }
      },
      cancel(reason) {
        over({ error: reason });
        return reader.cancel(reason);
      },
    },
    { highWaterMark: 0 },
  );
}

function isReadable(value: unknown): value is ReadableStream {
  return typeof value === "object" && value !== null && typeof (value as ReadableStream).getReader === "function";
}
