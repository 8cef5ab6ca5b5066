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
    return client.transacting ? this.#runHolding() : this.#runOn(lone);
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

  /**
   * Never throws: what goes wrong before anything is sent is an answer like any other.
   * @param connection `lone`: one is taken when it is known what is to run on it.
   */
  async #runOn(connection: object): Promise<unknown> {
    const { client, builder } = this;
    const compiled = builder.toSQL();
    if (Array.isArray(compiled) || compiled.timeout) {
      if (connection === lone) return this.#runHolding();
      this.connection = connection;
      return Array.isArray(compiled) ? this.queryArray(compiled) : this.query(compiled);
    }
    const queryContext: unknown = builder.queryContext();
    const statement: CompiledStatement = Object.assign(compiled, { queryContext });
    const answered = await client.query(connection, statement);
    return client.postProcessResponse(client.processResponse(answered, this), queryContext);
  }
}
