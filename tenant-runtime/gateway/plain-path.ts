/** One reading of a path: what is gated as one module must not be read as another's by the service. */

/** What servers read differently: backslashes, encoded slashes, matrix parameters, empty and dot segments. */
const ambiguous = /[\\;#]|%2f|%5c|%00|\/\/|\/\.{1,2}(\/|$)|[^!-~]/i;

/**
 * The path without its query, in lower case, with letters that were encoded for no reason decoded; undefined when it
 * has a part that two servers could read differently. For comparing only: the service gets what was sent.
 */
export function plainPath(url: string): string | undefined {
  const path = (url.split("?")[0] ?? "").replace(/%[0-9a-f]{2}/gi, (text) => {
    const letter = String.fromCharCode(Number.parseInt(text.slice(1), 16));
    return /[\w.~-]/.test(letter) ? letter : text;
  });
  return ambiguous.test(path) || url.includes("#") ? undefined : path.toLowerCase();
}

/** True for the path itself and for all below it. */
export const covers = (prefix: string, path: string): boolean => path === prefix || path.startsWith(`${prefix}/`);
