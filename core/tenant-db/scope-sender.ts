/** Writes a statement behind its scope in the shortest way that a session knows. */
import pg from "pg";
import { createKeptStatements, type KeptStatement } from "./kept-statements.ts";
import type { Scope, ScopeStatement } from "./scope.ts";
import type { Wire } from "./wire.ts";

export interface ServerTraits {
  /** False where the role may not call `set_config`: its scopes are `SET LOCAL` statements. */
  canScope: boolean;
  /** The session is the same server process each time: it may keep a scope as a prepared statement. */
  isDirect: boolean;
  /** A tenant is not shown what the session keeps: it may keep statements of tenants too. */
  canKeep: boolean;
}

export interface ScopeSender extends ServerTraits {
  /** The messages of both, one transaction. @throws what the conversion of a value throws. */
  messagesOf(scope: Scope, statement: pg.QueryConfig, kept?: KeptStatement): Buffer;
  /**
   * How the session keeps the statement; undefined where it keeps none. To be asked once for each time it is sent.
   * @param isBrief it has come back many times already, whoever sent it.
   */
  keptOf(scope: Scope, text: string, isBrief: boolean): KeptStatement | undefined;
  /** What the server refused because it was kept is to be sent as it is, and kept anew later. */
  drop(kept: KeptStatement): void;
  /** The scope was parsed and ran. */
  keep(scope: Scope): void;
  /** Prepared statements are gone. */
  forget(): void;
}

/** Asks a connection that was just opened. */
export async function askTraits(connection: pg.Client): Promise<ServerTraits> {
  const { rows } = await connection.query<{ pid: number; may: boolean; shut: boolean }>(
    `SELECT pg_catalog.pg_backend_pid() AS pid,
            pg_catalog.has_function_privilege('pg_catalog.set_config(text,text,boolean)', 'EXECUTE') AS may,
            NOT pg_catalog.has_function_privilege('public', 'pg_catalog.pg_prepared_statement()', 'EXECUTE') AS shut`,
  );
  const [{ pid, may, shut } = { pid: 0, may: false, shut: false }] = rows;
  // Behind a pooler the server's process is not the one that greeted the client.
  return { isDirect: pid === (connection as { processID?: number }).processID, canScope: may, canKeep: shut };
}

/** The connection's own messages, as they are. */
interface Sender {
  close(message: { type: string; name: string }): void;
  parse(message: { text: string; name?: string }): void;
  bind(message: object): void;
  describe(message: { type: string }): void;
  execute(message: object): void;
  sync(): void;
}

const { utils } = pg as unknown as { utils: { prepareValue: (value: unknown) => unknown } };

/** @param keptBytes of the server's memory that the statements it keeps may take. */
export function createScopeSender(connection: pg.Connection, wire: Wire, keptBytes: number): ScopeSender {
  const to = connection as unknown as Sender;
  const scopes = new Set<string>();
  const statements = createKeptStatements(keptBytes);
  const scopeMessages = ({ statement }: Scope): Buffer => {
    if (!sender.isDirect) return (statement.nameless ??= wire.gather(() => run(to, statement)));
    if (scopes.has(statement.name)) return (statement.prepared ??= wire.gather(() => runKept(to, statement)));
    return wire.gather(() => prepareAndRun(to, statement));
  };
  const sender: ScopeSender = {
    canScope: false,
    isDirect: false,
    canKeep: false,
    messagesOf: (scope, statement, kept) => {
      const send = () => (kept?.name === undefined ? sendStatement(to, statement) : sendKept(to, statement, kept));
      const messages = wire.gather(send, scopeMessages(scope));
      // Not before a value may have failed to convert, and in front of the scope, which may fail: no name is forgotten unclosed.
      const closed = statements.takeClosed();
      if (closed.length === 0) return messages;
      const close = () => closed.forEach((name) => to.close({ type: "S", name }));
      return Buffer.concat([wire.gather(close), messages]);
    },
    keptOf: ({ tenant }, text, isBrief) =>
      sender.isDirect && sender.canKeep ? statements.use(tenant, text, isBrief) : undefined,
    drop: (kept) => statements.drop(kept),
    keep: ({ statement }) => void (sender.isDirect && scopes.add(statement.name)),
    forget: () => {
      scopes.clear();
      statements.clear();
    },
  };
  return sender;
}

function runKept(to: Sender, { name, values }: ScopeStatement): void {
  to.bind({ statement: name, values });
  to.execute({});
}

function prepareAndRun(to: Sender, scope: ScopeStatement): void {
  const { name, text } = scope;
  // Of a scope that was parsed and then failed; to close what is not there is no error.
  to.close({ type: "S", name });
  to.parse({ name, text });
  runKept(to, scope);
}

/** Without a name: behind a transaction-mode pooler the next transaction may be another session's. */
function run(to: Sender, { text, values }: ScopeStatement): void {
  to.parse({ text });
  to.bind({ values });
  to.execute({});
}

function sendStatement(to: Sender, { text, values = [] }: pg.QueryConfig): void {
  to.parse({ text });
  to.bind({ values, valueMapper: utils.prepareValue });
  to.describe({ type: "P" });
  to.execute({});
  to.sync();
}

/** Once the shape of its rows is known, it was kept: its name and its values are all that the server needs. */
function sendKept(to: Sender, { text, values = [] }: pg.QueryConfig, kept: KeptStatement): void {
  const { name = "", shape } = kept;
  if (!kept.isSent) to.parse({ name, text });
  to.bind({ statement: name, values, valueMapper: utils.prepareValue });
  kept.isSent = true;
  if (shape === undefined) to.describe({ type: "P" });
  to.execute({});
  to.sync();
}
