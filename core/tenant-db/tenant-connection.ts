/**
 * A connection that tenants take turns on. It sends a statement with the begin and the end of its transaction in one
 * write, and knows whether the next tenant may have it.
 */
import pg from "pg";
import { createConstantQuery } from "./constant-query.ts";

export interface TenantConnectionConfig extends pg.ClientConfig {
  /** Told once when the connection has ended, for whatever reason. */
  readonly onEnd: (connection: TenantConnection) => void;
}

/** On whose behalf the connection is used, from when it is lent until it is given back. */
export interface Lease {
  /** Undefined for what belongs to no tenant, e.g. the questions that open a connection. */
  readonly tenant: number | undefined;
  /** Without an answer for this long, in milliseconds, the connection is given up. */
  readonly answerWithinMs: number;
  /** Rows that a statement read or changed. */
  readonly onRows?: ((rows: number) => void) | undefined;
}

/** How the parts of a group ended; statuses are those behind the parts. */
interface Group {
  begun: string | null;
  done: string | null;
  result: pg.QueryResult | undefined;
  /** What the server did at the end: `COMMIT`, `ROLLBACK`. */
  ending: string | undefined;
  /** The first that was told of. */
  error: Error | undefined;
  isRefused: boolean;
}

export const nobody: Lease = { tenant: undefined, answerWithinMs: 10_000 };

/**
 * Node-postgres sends a query without values in the simple protocol, where `select 1; select 2` runs both. Every query
 * object is sent extended, so that no text, however it was built, can stack a second statement. Strings are sent simple:
 * they are constant texts of ours.
 */
export class TenantConnection extends pg.Client {
  lease: Lease = nobody;
  /** Something ran in this transaction that can leave its traces on the session. */
  isTouched = false;
  #unanswered = 0;
  #isSpoiled = false;
  #deadline: NodeJS.Timeout | undefined;
  /** The begin of a transaction that nothing was sent of yet. */
  #begin: string | undefined;
  #isEnding = false;

  constructor(config: TenantConnectionConfig) {
    super(config);
    this.connection.on("readyForQuery", () => this.#answered());
    this.connection.on("end", () => {
      clearTimeout(this.#deadline);
      this.#isSpoiled = true;
      config.onEnd(this);
    });
    // On the extended protocol the server has swallowed our Sync as part of the copy, and would wait for another for ever.
    this.connection.on("copyInResponse", () => this.discard("COPY FROM STDIN is not possible here"));
  }

  /** True when the server has answered everything and no transaction is open: only then another tenant may have it. */
  get isClean(): boolean {
    const isQuiet = !this.#isSpoiled && this.#unanswered === 0 && this.#begin === undefined;
    return isQuiet && this.getTransactionStatus() === "I";
  }

  /** Ends the connection at once; the server rolls back what was not committed. Waiting queries fail with `reason`. */
  discard(reason: string): void {
    this.#isSpoiled = true;
    this.connection.stream.destroy(new Error(reason));
  }

  /**
   * One statement between `begin` and `end`, constant texts, in one write: one round trip. Resolves or rejects when all three
   * are answered. Anything but the expected order of states costs the connection.
   * @throws the statement's error; a connection's (`isServiceDown`) when it is not known how the transaction ended.
   */
  runInTransaction(begin: string, statement: pg.QueryConfig, end: string): Promise<pg.QueryResult> {
    return this.#sendTogether(begin, statement, end).then((group) => this.#proven(group));
  }

  #proven({ begun, done, result, ending, error, isRefused }: Group): pg.QueryResult {
    const isEnded = ending === (isRefused ? "ROLLBACK" : "COMMIT");
    const isProven = begun === "T" && isEnded && (isRefused || done === "T") && this.isClean;
    if (!isProven) this.discard("Connection terminated: a transaction did not end as expected");
    if (error !== undefined) throw error;
    if (!isProven || result === undefined) throw new Error("the statement ended the transaction that it was in");
    return this.#counted(result);
  }

  /** Starts a transaction that is sent with its first statement; without one nothing is sent at all. */
  holdBegin(begin: string): void {
    if (!this.isClean) throw new Error("Connection terminated: it is in the middle of something");
    this.isTouched = false;
    this.#begin = begin;
  }

  /** The next statement is Knex's own end of the transaction, not a text of the program's. */
  announceEnding(): void {
    this.#isEnding = true;
  }

  takeEnding(): boolean {
    const isEnding = this.#isEnding;
    this.#isEnding = false;
    return isEnding;
  }

  /** Sends the begin by itself, for what cannot be sent together with it. */
  async begin(): Promise<void> {
    const begin = this.#takeBegin();
    if (begin === undefined) return;
    await this.query(begin);
    if (this.getTransactionStatus() !== "T") throw this.#notBegun();
  }

  /** A statement inside of the transaction. */
  async run(statement: pg.QueryConfig): Promise<pg.QueryResult> {
    const begin = this.#takeBegin();
    if (begin === undefined) return this.#counted((await this.query(statement)) as pg.QueryResult);
    const { begun, result, error } = await this.#sendTogether(begin, statement);
    if (begun !== "T") throw error ?? this.#notBegun();
    if (error !== undefined || result === undefined) throw error ?? this.#notBegun();
    return this.#counted(result);
  }

  /** Ends the transaction, and takes back what it left on the session. @param cleaning constant statements. */
  async endTransaction(ending: "COMMIT" | "ROLLBACK", cleaning: string): Promise<unknown> {
    if (this.#takeBegin() !== undefined) return { command: ending, rows: [], rowCount: null };
    return this.query(this.isTouched ? `${ending};${cleaning}` : ending);
  }

  // oxlint-disable-next-line typescript/no-explicit-any -- node-postgres overloads this method eight ways
  override query(config: any, ...rest: any[]): any {
    const isObject = typeof config === "object" && config !== null;
    const isStream = isObject && typeof config.submit === "function";
    // A name would keep the statement's text on the connection, `rows` its portal open.
    if (isObject && !isStream) Object.assign(config, { queryMode: "extended", name: undefined, rows: undefined });
    this.#unanswered += 1;
    // How long a stream takes is for its reader to say.
    if (!isStream) this.#watch();
    // oxlint-disable-next-line typescript/no-unsafe-argument
    return (super.query as (...all: unknown[]) => unknown).call(this, config, ...rest);
  }

  #takeBegin(): string | undefined {
    const begin = this.#begin;
    this.#begin = undefined;
    return begin;
  }

  #notBegun(): Error {
    this.discard("Connection terminated: no transaction began");
    return new Error("Connection terminated: no transaction began");
  }

  #counted(result: pg.QueryResult): pg.QueryResult {
    this.lease.onRows?.(result.rowCount ?? 0);
    return result;
  }

  /** In one write, answered by one promise. Only around a group: elsewhere each query waits for the one before. */
  #sendTogether(begin: string, statement: pg.QueryConfig, end?: string): Promise<Group> {
    return new Promise((resolve) => {
      const group: Group = {
        begun: null,
        done: null,
        result: undefined,
        ending: undefined,
        error: undefined,
        isRefused: false,
      };
      let left = end === undefined ? 2 : 3;
      const answered = (error: Error | null) => {
        if (error !== null) group.error ??= error;
        left -= 1;
        if (left > 0) return;
        this.#setPipeline(false);
        resolve(group);
      };
      this.#setPipeline(true);
      this.#watch();
      this.#inOneWrite(() => {
        this.query(
          createConstantQuery(begin, (error) => {
            if (error === null) group.begun = this.getTransactionStatus();
            answered(error);
          }),
        );
        this.query(statement, (error: Error | null, result: pg.QueryResult) => {
          group.isRefused = error !== null;
          group.result = result;
          group.done = this.getTransactionStatus();
          answered(error);
        });
        if (end === undefined) return;
        this.query(
          createConstantQuery(end, (error, { command }) => {
            group.ending = command;
            answered(error);
          }),
        );
      });
    });
  }

  #setPipeline(on: boolean): void {
    (this as { pipeline: boolean }).pipeline = on;
  }

  /** Node-postgres writes a statement in five pieces; gathered here they cost one system call of one buffer. */
  #inOneWrite(send: () => void): void {
    const connection = this.connection as unknown as { _send?: (piece: Buffer) => boolean };
    const pieces: Buffer[] = [];
    connection._send = (piece) => pieces.push(piece) > 0;
    try {
      send();
    } finally {
      // The method of the class is back.
      delete connection._send;
    }
    const { stream } = this.connection;
    if (stream.writable) stream.write(Buffer.concat(pieces));
  }

  #watch(): void {
    const { answerWithinMs } = this.lease;
    const giveUp = () => this.discard(`Connection terminated: no answer within ${answerWithinMs} ms`);
    this.#deadline ??= setTimeout(giveUp, answerWithinMs);
  }

  #answered(): void {
    clearTimeout(this.#deadline);
    this.#deadline = undefined;
    this.#unanswered = Math.max(0, this.#unanswered - 1);
    if (this.#unanswered > 0) this.#watch();
  }
}
