/** A statement with the begin of its transaction, and its end, as submissions of their own in one write. */
import type pg from "pg";
import { createConstantQuery } from "./constant-query.ts";
import type { TenantConnection } from "./tenant-connection.ts";
import type { Wire } from "./wire.ts";

/** How the parts of a group ended; statuses are those behind the parts. */
export interface Group {
  begun: string | null;
  done: string | null;
  result: pg.QueryResult | undefined;
  /** What the server did at the end: `COMMIT`, `ROLLBACK`. */
  ending: string | undefined;
  /** The first that was told of. */
  error: Error | undefined;
  isRefused: boolean;
}

export interface Parts {
  /** Constant texts, sent in the simple protocol. */
  readonly begin: string;
  readonly statement: pg.QueryConfig;
  readonly end?: string;
}

/** Resolves when all are answered. Only around a group queries share a pipeline: elsewhere each waits for the one before. */
export function sendGroup(connection: TenantConnection, wire: Wire, { begin, statement, end }: Parts): Promise<Group> {
  const pipelined = connection as unknown as { pipeline: boolean };
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
      pipelined.pipeline = false;
      resolve(group);
    };
    const begun = createConstantQuery(begin, (error) => {
      if (error === null) group.begun = connection.getTransactionStatus();
      answered(error);
    });
    const done = (error: Error | null, result: pg.QueryResult) => {
      group.isRefused = error !== null;
      group.result = result;
      group.done = connection.getTransactionStatus();
      answered(error);
    };
    pipelined.pipeline = true;
    const messages = wire.gather(() => {
      connection.query(begun);
      connection.query(statement, done);
      if (end !== undefined) connection.query(endOf(end, group, answered));
    });
    wire.write(messages);
  });
}

const endOf = (end: string, group: Group, answered: (error: Error | null) => void): pg.Submittable =>
  createConstantQuery(end, (error, { command }) => {
    group.ending = command;
    answered(error);
  });
