/** Statements of ours without values: nothing of the answer matters but how it ended. */
import pg from "pg";

export interface ConstantQuery {
  /** What the server said it did first, e.g. `BEGIN`, `COMMIT`, or `ROLLBACK` for a COMMIT of what had failed. */
  readonly command: string | undefined;
}

type Callback = (error: Error | null, query: ConstantQuery) => void;

interface Running extends ConstantQuery {
  text: string;
  command: string | undefined;
  callback: Callback;
}

/**
 * What node-postgres calls on a query while it runs. It lets nothing but its own class share a pipeline, and its
 * constructor makes an event emitter and a result, which these have no use for.
 */
const methods: ThisType<Running> & object = {
  submit(connection: { query(text: string): void }) {
    connection.query(this.text);
    return null;
  },
  handleRowDescription() {},
  handleDataRow() {},
  handleEmptyQuery() {},
  handleCommandComplete({ text }: { text: string }) {
    this.command ??= text;
  },
  handleError(error: Error) {
    this.callback(error, this);
  },
  handleReadyForQuery() {
    this.callback(null, this);
  },
};
const prototype = Object.assign(Object.create(pg.Query.prototype) as object, methods);

/** Sent in the simple protocol; several statements may stand in one text. Calls back once. */
export const createConstantQuery = (text: string, callback: Callback): pg.Submittable =>
  Object.assign(Object.create(prototype) as pg.Submittable, { text, callback, command: undefined });
