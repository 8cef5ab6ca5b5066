/**
 * Knex's runner makes some twenty promises and two or three events of a statement. One statement that nobody listens to
 * and that has no timeout of its own needs three promises; everything else goes Knex's own way.
 */
import KnexRunner from "knex/lib/execution/runner.js";
import type { CompiledStatement, LeanClient, Runnable } from "./runnable.ts";

export type { Runnable } from "./runnable.ts";

/** Stands where Knex wants a connection. */
export const lone = { __knexUid: "lone" };

export class LeanRunner extends KnexRunner {
  declare readonly client: LeanClient;
  declare readonly builder: Runnable;

  override run(): Promise<unknown> {
    const { client, builder } = this;
    if (builder._connection !== undefined || builder._debug || builder.eventNames().length > 0) return super.run();
    if (!client.transacting) return this.#runAlone();
    return this.#runHolding();
  }

  /** The connection is taken when it is known what is to run on it. */
  async #runAlone(): Promise<unknown> {
    const { client, builder } = this;
    const compiled = builder.toSQL();
    if (Array.isArray(compiled) || compiled.timeout) return this.#runHolding();
    const queryContext: unknown = builder.queryContext();
    const statement: CompiledStatement = Object.assign(compiled, { queryContext });
    const answered = await client.query(lone, statement);
    return client.postProcessResponse(client.processResponse(answered, this), queryContext);
  }

  #runHolding(): Promise<unknown> {
    const { client } = this;
    return client.acquireConnection().then((connection) => {
      const running = this.#runOn(connection);
      const giveBack = () => void client.releaseConnection(connection);
      running.then(giveBack, giveBack);
      return running;
    });
  }

  /** Never throws: what goes wrong before anything is sent is an answer like any other. */
  async #runOn(connection: object): Promise<unknown> {
    const { client, builder } = this;
    this.connection = connection;
    const compiled = builder.toSQL();
    if (Array.isArray(compiled)) return this.queryArray(compiled);
    if (compiled.timeout) return this.query(compiled);
    const queryContext: unknown = builder.queryContext();
    const statement: CompiledStatement = Object.assign(compiled, { queryContext });
    const answered = await client.query(connection, statement);
    return client.postProcessResponse(client.processResponse(answered, this), queryContext);
  }
}
