/**
 * The last line against somebody who controls a whole statement: a tenant's handle reads and writes rows, and does
 * nothing else. What changes the session, the role or the schema is refused before anything is sent.
 */
import { AppError } from "../errors.ts";

const allowed = new Set(
  "select insert update delete merge with values table explain show lock savepoint release rollback".split(" "),
);

/** Nearly all statements, without a closer look. */
const isPlain = /^(?:select|insert|update|delete|with)[ \n]/i;

/** `EXPLAIN ANALYZE` runs what is behind it. */
const explained = new Set("select insert update delete merge with values table".split(" "));

/**
 * Looks at the first words, behind blanks, comments and opening brackets, as PostgreSQL reads them. `ROLLBACK` is allowed
 * to a savepoint only: transactions are Knex's to begin and to end.
 * @throws AppError `statement-not-allowed`; the message names the word and never the rest of the statement.
 */
export function checkStatement(sql: string): void {
  if (isPlain.test(sql)) return;
  const words = firstWords(sql);
  const [first = "", second = ""] = words;
  if (!allowed.has(first)) refuse(first);
  if (first === "rollback" && !isToSavepoint(words)) refuse("rollback");
  if (first === "explain" && !explained.has(explainedWord(sql))) refuse(`explain ${second}`.trim());
}

function refuse(what: string): never {
  const named = /^[a-z_ ]{1,40}$/.test(what) ? what.toUpperCase() : "what it begins with";
  const message = `${named} is not for a tenant's handle: use SELECT, INSERT, UPDATE, DELETE, MERGE or WITH, and handle.transaction() for transactions.`;
  // Knex would put the statement in front of it, and the message goes to a client.
  const fixed = { get: () => message, set: () => undefined };
  throw Object.defineProperty(new AppError("statement-not-allowed", message), "message", fixed);
}

/** `ROLLBACK TO name`, `ROLLBACK WORK TO SAVEPOINT name`. */
const isToSavepoint = ([, second, third]: readonly string[]): boolean =>
  second === "to" || ((second === "work" || second === "transaction") && third === "to");

const nextWord = /[a-z_\u0080-\uffff][\w$\u0080-\uffff]*/iy;

/** The first four words in lower case; a quoted name, a number or a sign ends them: no statement begins with one. */
function firstWords(sql: string): string[] {
  const words: string[] = [];
  let at = 0;
  while (words.length < 4) {
    at = skipSpace(sql, at, words.length === 0 ? "(" : "");
    nextWord.lastIndex = at;
    const found = nextWord.exec(sql)?.[0];
    // U&"…" and U&'…' are one token; its `U` is no word.
    if (found === undefined || (/^u$/i.test(found) && sql[at + 1] === "&")) break;
    words.push(asciiLower(found));
    at += found.length;
  }
  return words;
}

/** Behind `EXPLAIN (ANALYZE, BUFFERS)` or `EXPLAIN ANALYZE VERBOSE`. */
function explainedWord(sql: string): string {
  let at = skipSpace(sql, 0, "(") + "explain".length;
  at = skipSpace(sql, at);
  if (sql[at] === "(" && !startsQuery(sql, at)) at = closingBracket(sql, at);
  let rest = firstWords(sql.slice(at));
  while (rest[0] === "analyze" || rest[0] === "analyse" || rest[0] === "verbose") rest = rest.slice(1);
  return rest[0] ?? "";
}

const startsQuery = (sql: string, at: number): boolean => explained.has(firstWords(sql.slice(at))[0] ?? "");

/** Options are names and numbers; behind anything else, nothing is found and the statement is refused. */
function closingBracket(sql: string, start: number): number {
  for (let at = start + 1; ; at += 1) {
    at = skipSpace(sql, at);
    const sign = sql[at] ?? "";
    if (sign === ")") return at + 1;
    if (!/^[\w.,]$/.test(sign)) return sql.length;
  }
}

/** Past PostgreSQL's six blanks, `-- …` to the end of the line, nested block comments, and the given signs. */
function skipSpace(sql: string, start: number, alsoSkipped = ""): number {
  let at = start;
  for (;;) {
    const sign = sql[at];
    if (sign === undefined) return at;
    if (" \t\n\r\f\v".includes(sign) || alsoSkipped.includes(sign)) at += 1;
    else if (sql.startsWith("--", at)) at = endOfLine(sql, at);
    else if (sql.startsWith("/*", at)) at = endOfComment(sql, at);
    else return at;
  }
}

/** PostgreSQL ends such a comment at a line feed or a carriage return. */
function endOfLine(sql: string, at: number): number {
  const length = sql.slice(at).search(/[\n\r]/);
  return length < 0 ? sql.length : at + length;
}

/** Comments nest, as in the standard and unlike in C. One that does not end hides everything. */
function endOfComment(sql: string, start: number): number {
  let depth = 0;
  for (let at = start; at < sql.length; at += 1) {
    if (sql.startsWith("/*", at)) [depth, at] = [depth + 1, at + 1];
    else if (sql.startsWith("*/", at)) [depth, at] = [depth - 1, at + 1];
    if (depth === 0) return at + 1;
  }
  return sql.length;
}

/** As the server's scanner: letters beyond ASCII stay what they are, so that `ſelect` is no `select`. */
const asciiLower = (word: string): string => word.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
