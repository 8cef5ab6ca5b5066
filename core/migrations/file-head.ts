/** The lines before `-- up`: why a migration is there, and how it wants to be run. */
import { MigrationFileError } from "./migration-file-error.ts";

/**
 * `-- expand`: adds what the release before does not miss. `-- contract: 0015_name.sql`: takes away what only releases before that
 * file's expand still use, so it waits until no tenant and no process is older.
 */
export type Window = { readonly step: "expand" } | { readonly step: "contract"; readonly after: string };

/** A lint rule that the file breaks on purpose. */
export interface Accepted {
  readonly code: string;
  readonly why: string;
  readonly line: number;
}

export interface FileHead {
  readonly why: string;
  /** False where a line `-- no-transaction` says so: each statement is sent by itself, e.g. CREATE INDEX CONCURRENTLY. */
  readonly isTransactional: boolean;
  /** Its place in a change of two steps; undefined where nobody has to wait for anything. */
  readonly window: Window | undefined;
  readonly accepted: readonly Accepted[];
}

/** @throws MigrationFileError `unknown-directive` for a line that is none of them. */
export function parseHead(name: string, text: string): FileHead {
  const head: Writable<FileHead> = { why: "", isTransactional: true, window: undefined, accepted: [] };
  for (const [number, line] of text.split("\n").entries()) {
    if (line.trim() === "") continue;
    const said = readLine(line, number + 1, head);
    if (said === undefined)
      throw new MigrationFileError(name, {
        code: "unknown-directive",
        line: number + 1,
        message: `'${line}' is no '-- why: …', '-- no-transaction', '-- expand', '-- contract: <file>', '-- accept: <code> <why>' or '-- blocking-ok: <why>'`,
      });
    Object.assign(head, said);
  }
  return head;
}

type Writable<T> = { -readonly [K in keyof T]: T[K] };

/** What one line adds to those before it; undefined for what means nothing. */
function readLine(text: string, line: number, { why, accepted }: FileHead): Partial<FileHead> | undefined {
  const [, word = "", value = ""] = /^-- ([a-z-]+)(?:: *(.*\S)?)?\s*$/.exec(text) ?? [];
  if (word === "why") return { why: `${why} ${value}`.trim() };
  if (word === "no-transaction" && value === "") return { isTransactional: false };
  if (word === "expand" && value === "") return { window: { step: "expand" } };
  if (word === "contract" && value !== "") return { window: { step: "contract", after: value } };
  if (word === "blocking-ok" && value !== "")
    return { accepted: [...accepted, { code: "blocking-index", why: value, line }] };
  const [, code, reason] = /^([a-z-]+)\s+(.+)$/.exec(value) ?? [];
  if (word !== "accept" || code === undefined || reason === undefined) return undefined;
  return { accepted: [...accepted, { code, why: reason, line }] };
}
