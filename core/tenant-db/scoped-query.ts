/**
 * A tenant's statement right behind the one that sets its scope, with a single Sync behind both: the server runs them in
 * one transaction, which the Sync ends, and skips the statement when its scope could not be set.
 */
import pg from "pg";

/** What node-postgres has and its types do not tell. */
interface ParsedResult extends pg.QueryResult {
  _types?: unknown;
  _parsers?: unknown;
  _prebuiltEmptyResultObject?: unknown;
  addFields(fields: pg.FieldDef[]): void;
  parseRow(values: unknown[]): unknown;
  addRow(row: unknown): void;
  addCommandComplete(message: { text: string }): void;
}
const { Result } = pg as unknown as { Result: new (rowMode?: string) => ParsedResult };

/** How the rows of a statement are read: what node-postgres makes of the server's description. */
export type RowShape = Pick<ParsedResult, "fields" | "_parsers" | "_prebuiltEmptyResultObject">;

const shapeOf = ({ fields, _parsers, _prebuiltEmptyResultObject }: ParsedResult): RowShape => ({
  fields,
  _parsers,
  _prebuiltEmptyResultObject,
});

/** The answer of a scope none of whose settings is null. */
const scopeSet = "SELECT 0";

interface Sending {
  readonly send: () => void;
  readonly answered: Callback;
}

type Callback = (error: Error | null, query: ScopedQuery) => void;

/** Calls back once, when the server is ready for the next or the connection has ended. */
export class ScopedQuery implements pg.Submittable {
  /** Node-postgres gives it the connection's types. */
  readonly _result: ParsedResult;
  /** The whole scope was set, and what came behind it ran in it. */
  isScoped = false;
  readonly #send: () => void;
  readonly #callback: Callback;
  #isAnswered = false;
  #unreadable: Error | undefined;

  /** @param shape of its rows, where the server is not asked to describe them. */
  constructor(rowMode: string | undefined, shape: RowShape | undefined, { send, answered }: Sending) {
    this._result = Object.assign(new Result(rowMode), shape);
    this.#send = send;
    this.#callback = answered;
  }

  get shape(): RowShape {
    return shapeOf(this._result);
  }

  submit(): void {
    this.#send();
  }

  handleRowDescription({ fields }: { fields: pg.FieldDef[] }): void {
    this._result.addFields(fields);
  }

  handleDataRow({ fields }: { fields: unknown[] }): void {
    if (this.#unreadable !== undefined) return;
    try {
      this._result.addRow(this._result.parseRow(fields));
    } catch (error) {
      this.#unreadable = error as Error;
    }
  }

  handleCommandComplete(message: { text: string }): void {
    if (this.isScoped) this._result.addCommandComplete(message);
    else if (message.text === scopeSet) this.isScoped = true;
  }

  handleEmptyQuery(): void {}

  handlePortalSuspended(): void {}

  handleCopyInResponse(): void {}

  handleCopyData(): void {}

  handleReadyForQuery(): void {
    this.#isAnswered = true;
    this.#callback(this.#unreadable ?? null, this);
  }

  /** Of the server, which says next that it is ready; or of a connection that has ended. */
  handleError(error: Error, connection: pg.Connection): void {
    if (this.#isAnswered) return;
    this.#isAnswered = true;
    // A connection's end is one error for all that were on it, and Knex writes each one's statement into it.
    const own = error instanceof pg.DatabaseError ? error : Object.assign(new Error(error.message), error);
    const tell = () => {
      connection.off("readyForQuery", tell).off("end", tell);
      this.#callback(this.#unreadable ?? own, this);
    };
    if (connection.stream.destroyed) tell();
    else connection.on("readyForQuery", tell).on("end", tell);
  }
}

/** Node-postgres lets nothing but its own class share a connection; of that class nothing is left. */
Object.setPrototypeOf(ScopedQuery.prototype, pg.Query.prototype);
