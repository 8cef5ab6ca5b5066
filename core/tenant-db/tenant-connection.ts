/**
 * A connection that tenants take turns on. It sends one statement with its transaction in one write, and knows whether
 * the next tenant may have it.
 */
import pg from "pg";

export interface TenantConnectionConfig extends pg.ClientConfig {
  /** Without an answer for this long, in milliseconds, the connection is given up. */
  readonly answerWithinMs: number;
}

interface Answer {
  readonly error: Error | null;
  readonly result: pg.QueryResult | pg.QueryResult[];
  /** As of the ReadyForQuery behind the answer; that of the message before when there is an error. */
  readonly status: string | null;
}

/**
 * Node-postgres sends a query without values in the simple protocol, where `select 1; select 2` runs both. Every query
 * object is sent extended, so that no text, however it was built, can stack a second statement. Strings are sent simple:
 * they are constant texts of ours.
 */
export class TenantConnection extends pg.Client {
  readonly #answerWithinMs: number;
  #unanswered = 0;
  #isSpoiled = false;
  #deadline: NodeJS.Timeout | undefined;

  constructor(config: TenantConnectionConfig) {
    super(config);
    this.#answerWithinMs = config.answerWithinMs;
    this.connection.on("readyForQuery", () => this.#answered());
    this.connection.on("end", () => clearTimeout(this.#deadline));
    // On the extended protocol the server has swallowed our Sync as part of the copy, and would wait for another for ever.
    this.connection.on("copyInResponse", () => this.discard("COPY FROM STDIN is not possible here"));
  }

  /** True when the server has answered everything and no transaction is open: only then another tenant may have it. */
  get isClean(): boolean {
    return !this.#isSpoiled && this.#unanswered === 0 && this.getTransactionStatus() === "I";
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
  async runInTransaction(begin: string, statement: pg.QueryConfig, end: string): Promise<pg.QueryResult> {
    const { stream } = this.connection;
    this.#setPipeline(true);
    stream.cork();
    const answers = [begin, statement, end].map((query) => this.#send(query));
    stream.uncork();
    const [begun, done, ended] = (await Promise.all(answers)) as [Answer, Answer, Answer];
    this.#setPipeline(false);
    const isScoped = begun.error === null && begun.status === "T";
    const outcome = done.error === null ? "COMMIT" : "ROLLBACK";
    const isEnded = ended.error === null && [ended.result].flat()[0]?.command === outcome;
    const isProven = isScoped && isEnded && (done.error !== null || done.status === "T") && this.isClean;
    if (!isProven) this.discard("Connection terminated: a transaction did not end as expected");
    const error = begun.error ?? done.error ?? ended.error;
    if (error !== null) throw error;
    if (!isProven) throw new Error("the statement ended the transaction that it was in");
    return done.result as pg.QueryResult;
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

  #send(query: string | pg.QueryConfig): Promise<Answer> {
    return new Promise((resolve) => {
      this.query(query, (error: Error | null, result: Answer["result"]) =>
        resolve({ error, result, status: this.getTransactionStatus() }),
      );
    });
  }

  /** Only around a group: elsewhere each query waits for the one before, and cursors are possible. */
  #setPipeline(on: boolean): void {
    (this as { pipeline: boolean }).pipeline = on;
  }

  #watch(): void {
    const giveUp = () => this.discard(`Connection terminated: no answer within ${this.#answerWithinMs} ms`);
    this.#deadline ??= setTimeout(giveUp, this.#answerWithinMs);
  }

  #answered(): void {
    clearTimeout(this.#deadline);
    this.#deadline = undefined;
    this.#unanswered = Math.max(0, this.#unanswered - 1);
    if (this.#unanswered > 0) this.#watch();
  }
}
