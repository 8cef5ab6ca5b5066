/**
 * A connection that tenants take turns on. It sends a statement with the begin and the end of its transaction in one
 * write, and knows whether the next tenant may have it.
 */
import pg from "pg";
import { createAnswerWatch } from "./answer-watch.ts";
import { isOfKeeping, type KeptStatement } from "./kept-statements.ts";
import { nobody, type Lease } from "./lease.ts";
import type { Scope } from "./scope.ts";
import { createProgramTransaction, type Channel, type ProgramTransaction } from "./program-transaction.ts";
import { createScopeSender, type ScopeSender, type ServerTraits } from "./scope-sender.ts";
import { ScopedQuery } from "./scoped-query.ts";
import { sendGroup, type Group } from "./statement-group.ts";
import { createWire } from "./wire.ts";

export interface TenantConnectionConfig extends pg.ClientConfig {
  /** Told when the connection has failed or ended, for whatever reason; may be told twice. */
  readonly onEnd: (connection: TenantConnection) => void;
  /** Of the server's memory that the statements it keeps may take. Absent: it keeps none. */
  readonly keptBytes?: number;
}

const isForbidden = (error: Error): boolean => (error as { code?: unknown }).code === "42501";

/** With its text: what a session keeps is found by it. */
export type Statement = pg.QueryConfig & { readonly text: string };

const notAsExpected = "Connection terminated: a transaction did not end as expected";

/**
 * Node-postgres sends a query without values in the simple protocol, where `select 1; select 2` runs both. Every query
 * object is sent extended, so that no text, however it was built, can stack a second statement. Strings are sent simple:
 * they are constant texts of ours.
 */
export class TenantConnection extends pg.Client {
  lease: Lease = nobody;
  readonly transaction: ProgramTransaction;
  #isSpoiled = false;
  readonly #answers = createAnswerWatch((ms) => this.discard(`Connection terminated: no answer within ${ms} ms`));
  readonly #wire = createWire(this.connection);
  readonly #sender: ScopeSender;

  constructor(config: TenantConnectionConfig) {
    super(config);
    this.#sender = createScopeSender(this.connection, this.#wire, config.keptBytes ?? 0);
    this.transaction = createProgramTransaction(this.#channel());
    this.connection.on("readyForQuery", () => this.#answers.answered());
    const lose = () => {
      this.#isSpoiled = true;
      config.onEnd(this);
    };
    this.connection.on("end", () => {
      this.#answers.close();
      lose();
    });
    // The server says that it ends a session before the socket does: between the two nobody may get the connection.
    this.on("error", lose);
    // On the extended protocol the server has swallowed our Sync as part of the copy, and would wait for another for ever.
    this.connection.on("copyInResponse", () => this.discard("COPY FROM STDIN is not possible here"));
  }

  /** True when the server has answered everything and no transaction is open: only then another tenant may have it. */
  get isClean(): boolean {
    const isQuiet = !this.#isSpoiled && this.#answers.isQuiet && !this.transaction.isHeld;
    return isQuiet && this.getTransactionStatus() === "I";
  }

  /** Statements that were sent, or are about to be, and not answered yet. */
  get unanswered(): number {
    return this.#answers.unanswered;
  }

  /** Nothing failed so far, and scopes are statements: one more can be sent before the last is answered. */
  get canPipeline(): boolean {
    return !this.#isSpoiled && this.#sender.canScope;
  }

  /** What was written on it in this turn of the event loop has not been sent yet: one more costs no system call. */
  get isGathering(): boolean {
    return this.#wire.isHolding;
  }

  get isDirect(): boolean {
    return this.#sender.isDirect;
  }

  /** Ends the connection at once; the server rolls back what was not committed. Waiting queries fail with `reason`. */
  discard(reason: string): void {
    this.#isSpoiled = true;
    this.connection.stream.destroy(new Error(reason));
  }

  /** To be told once, before the connection is lent. */
  meet({ isDirect, canScope, canKeep }: ServerTraits): void {
    Object.assign(this.#sender, { isDirect, canScope, canKeep });
  }

  /**
   * One statement in a transaction of its own, behind its scope, in one write: one round trip. It must be one that
   * leaves nothing on a session. @param isBrief whether it is known to be: it is kept from the first time on then.
   * @throws the statement's error; a connection's (`isServiceDown`) when it is not known how the transaction ended.
   */
  runScoped(scope: Scope, statement: Statement, lease: Lease, isBrief = false): Promise<pg.QueryResult> {
    return this.#runScoped(scope, statement, lease, this.#sender.keptOf(scope, statement.text, isBrief));
  }

  #runScoped(scope: Scope, statement: Statement, lease: Lease, kept?: KeptStatement): Promise<pg.QueryResult> {
    if (!this.#sender.canScope) return this.#runInSetLocal(scope, statement);
    const pipelined = this as unknown as { pipeline: boolean };
    pipelined.pipeline = true;
    return new Promise((resolve, reject) => {
      const messages = this.#sender.messagesOf(scope, statement, kept);
      const send = () => this.#wire.write(messages);
      const answered = (error: Error | null, query: ScopedQuery) => {
        const { isScoped, _result } = query;
        if (isScoped) this.#sender.keep(scope);
        if (this.#answers.isQuiet) pipelined.pipeline = false;
        if (this.#isSpoiled || this.getTransactionStatus() !== "I" || (error === null && !isScoped)) {
          this.discard(notAsExpected);
          reject(error ?? new Error(notAsExpected));
        } else if (error === null) {
          if (kept?.name !== undefined) kept.shape ??= query.shape;
          lease.onRows?.(_result.rowCount ?? 0);
          resolve(_result);
        } else if (!isScoped && isForbidden(error)) resolve(this.#runInSetLocal(scope, statement));
        else if (kept?.name !== undefined && isOfKeeping(error)) {
          // Its transaction was rolled back as a whole: nothing happens twice.
          this.#sender.drop(kept);
          resolve(this.#runScoped(scope, statement, lease));
        } else reject(error);
      };
      this.#answers.sent();
      this.#answers.watch(lease.answerWithinMs);
      const { rowMode } = statement as { rowMode?: string };
      super.query(new ScopedQuery(rowMode, kept?.shape, { send, answered }));
    });
  }

  /** The same where the role may not call `set_config`, whose doors a superuser may have shut a moment ago. */
  async #runInSetLocal(scope: Scope, statement: pg.QueryConfig): Promise<pg.QueryResult> {
    const result = await this.runInTransaction(`BEGIN;${scope.statements}`, statement, "COMMIT");
    this.#sender.canScope = false;
    return result;
  }

  /**
   * One statement between `begin` and `end`, constant texts, in one write: one round trip. Resolves or rejects when all three
   * are answered. Anything but the expected order of states costs the connection.
   * @throws the statement's error; a connection's (`isServiceDown`) when it is not known how the transaction ended.
   */
  runInTransaction(begin: string, statement: pg.QueryConfig, end: string): Promise<pg.QueryResult> {
    if (end !== "COMMIT") this.#sender.forget();
    return sendGroup(this, this.#wire, { begin, statement, end }).then((group) => this.#proven(group));
  }

  #proven({ begun, done, result, ending, error, isRefused }: Group): pg.QueryResult {
    const isEnded = ending === (isRefused ? "ROLLBACK" : "COMMIT");
    const isProven = begun === "T" && isEnded && (isRefused || done === "T") && this.isClean;
    const isLost = this.#isSpoiled;
    if (!isProven) this.discard(notAsExpected);
    if (error !== undefined) throw error;
    // Nothing is wrong with the statement of a session that the server ended in the same moment.
    if (isLost) throw new Error(notAsExpected);
    if (!isProven || result === undefined) throw new Error("the statement ended the transaction that it was in");
    return this.#counted(result);
  }

  // oxlint-disable-next-line typescript/no-explicit-any -- node-postgres overloads this method eight ways
  override query(config: any, ...rest: any[]): any {
    const isObject = typeof config === "object" && config !== null;
    const isStream = isObject && typeof config.submit === "function";
    // A name would keep the statement's text on the connection, `rows` its portal open.
    if (isObject && !isStream) Object.assign(config, { queryMode: "extended", name: undefined, rows: undefined });
    this.#answers.sent();
    // How long a stream takes is for its reader to say.
    if (!isStream) this.#answers.watch(this.lease.answerWithinMs);
    // oxlint-disable-next-line typescript/no-unsafe-argument
    return (super.query as (...all: unknown[]) => unknown).call(this, config, ...rest);
  }

  #channel(): Channel {
    const isClean = () => this.isClean;
    return {
      get isClean() {
        return isClean();
      },
      query: (statement) => this.query(statement) as Promise<pg.QueryResult>,
      send: (parts) => sendGroup(this, this.#wire, parts),
      getTransactionStatus: () => this.getTransactionStatus(),
      discard: (reason) => this.discard(reason),
      forget: () => this.#sender.forget(),
      counted: (result) => this.#counted(result),
    };
  }

  #counted(result: pg.QueryResult): pg.QueryResult {
    this.lease.onRows?.(result.rowCount ?? 0);
    return result;
  }
}
