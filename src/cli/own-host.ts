/**
 * Whether a `Host` header names this machine. A page of another site can make its own name point to 127.0.0.1 and then read
 * what answers there; it cannot make the browser send one of these.
 */
export function isOwnHost(host: string | undefined): boolean {
  return host !== undefined && /^(127\.0\.0\.1|localhost|\[::1\])(:\d*)?$/i.test(host);
}
