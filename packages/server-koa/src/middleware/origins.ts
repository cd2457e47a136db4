// Which web pages may call the server, by their origin.
import { LaminaError } from '@lamina/core';

/** The value of the option `cors`. */
export type AllowedOrigins = readonly string[] | '*';

/** A page that this machine serves, on any port. Names that only resolve to this machine are not among them. */
const localPage = /^https?:\/\/(?:localhost|127\.0\.0\.1|\[::1\])(?::\d+)?$/;

/** A scheme and a host, without a path; `*` may stand for a part of it. `null` is the origin of files and sandboxes. */
const originPattern = /^(?:[a-z][a-z\d+.-]*:\/\/[^\s/?#@]*|null|\*)$/;

/** True for the origin of a page on `localhost`. */
export function isLocalPage(origin: string): boolean {
  return localPage.test(origin);
}

/** True when every page may call the server. */
export function allowsAll(cors: AllowedOrigins): boolean {
  return cors === '*' || cors.includes('*');
}

/**
 * A test for the origins of the option `cors`. A `*` matches within a name or a port, so `https://*.example.com` allows
 * no other port.
 * @throws LaminaError `CONFIG_INVALID` for an entry that is not an origin
 */
export function originTest(cors: AllowedOrigins): (origin: string) => boolean {
  const patterns = [cors].flat().map((entry) => {
    const origin = entry.toLowerCase();
    if (originPattern.test(origin))
      return origin === '*' ? /^/ : new RegExp(`^${origin.split('*').map(literal).join('[^/:@]+')}$`);
    throw new LaminaError('CONFIG_INVALID', {
      message: `"${entry}" is not an origin (--cors, option cors). Write it without a path, like https://app.example, https://*.example.com or http://192.168.1.7:*.`,
    });
  });
  return (origin) => patterns.some((pattern) => pattern.test(origin));
}

function literal(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');
}
