/** A transaction of the program's on a connection: it begins with its first statement, and Knex says how it ends. */
import type pg from "pg";
import type { Group, Parts } from "./statement-group.ts";

/** What a transaction needs of its connection. */
export interface Channel {
  readonly isClean: boolean;
  query(statement: string | pg.QueryConfig): Promise<pg.QueryResult>;
  send(parts: Parts): Promise<Group>;
  getTransactionStatus(): string | null;
  discard(reason: string): void;
  /** What the session keeps is taken away by what is sent next. */
  forget(): void;
  counted(result: pg.QueryResult): pg.QueryResult;
}

export interface ProgramTransaction {
  /** Something ran in it that can leave its traces on the session. */
  isTouched: boolean;
  /** Nothing was sent of it yet. */
  readonly isHeld: boolean;
  /** Starts one that is sent with its first statement; without one nothing is sent at all. */
  hold(begin: string): void;
  /** The next statement is Knex's own end of the transaction, not a text of the program's. */
  announceEnding(): void;
  takeEnding(): boolean;
  /** Sends the begin by itself, for what cannot be sent together with it. */
  begin(): Promise<void>;
  /** A statement inside of the transaction. */
  run(statement: pg.QueryConfig): Promise<pg.QueryResult>;
  /** Ends it, and takes back what it left on the session. @param cleaning constant statements. */
  end(ending: "COMMIT" | "ROLLBACK", cleaning: string): Promise<unknown>;
}

export function createProgramTransaction(channel: Channel): ProgramTransaction {
  let held: string | undefined;
  let isEnding = false;
  const takeBegin = (): string | undefined => {
    const begin = held;
    held = undefined;
    return begin;
  };
  const notBegun = (): Error => {
    channel.discard("Connection terminated: no transaction began");
    return new Error("Connection terminated: no transaction began");
  };
  const transaction: ProgramTransaction = {
    isTouched: false,
    get isHeld() {
      return held !== undefined;
    },
    hold(begin) {
      if (!channel.isClean) throw new Error("Connection terminated: it is in the middle of something");
      transaction.isTouched = false;
      held = begin;
    },
    announceEnding: () => void (isEnding = true),
    takeEnding() {
      const wasEnding = isEnding;
      isEnding = false;
      return wasEnding;
    },
    async begin() {
      const begin = takeBegin();
      if (begin === undefined) return;
      await channel.query(begin);
      if (channel.getTransactionStatus() !== "T") throw notBegun();
    },
    async run(statement) {
      const begin = takeBegin();
      if (begin === undefined) return channel.counted(await channel.query(statement));
      const { begun, result, error } = await channel.send({ begin, statement });
      if (begun !== "T" || error !== undefined || result === undefined) throw error ?? notBegun();
      return channel.counted(result);
    },
    async end(ending, cleaning) {
      if (takeBegin() !== undefined) return { command: ending, rows: [], rowCount: null };
      if (transaction.isTouched) channel.forget();
      return channel.query(transaction.isTouched ? `${ending};${cleaning}` : ending);
    },
  };
  return transaction;
}
