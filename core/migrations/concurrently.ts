/** Statements that build or drop an index beside reads and writes: what they need outside of a transaction, and inside. */
import { scan, type Node, type ScanToken } from "libpg-query";
import { all, as, parseStatements } from "./analysis/syntax-tree.ts";

/** The same statement for a schema that nobody uses yet, where it may be part of a transaction. */
export async function withoutConcurrently(statement: string): Promise<string> {
  const [parsed] = await parseStatements(statement);
  if (parsed === undefined || !isConcurrent(parsed.tree)) return statement;
  const { tokens } = await scan(statement);
  const isKeyword = ({ keywordKind, text }: ScanToken) => keywordKind > 0 && text.toUpperCase() === "CONCURRENTLY";
  const word = tokens.find(isKeyword);
  if (word === undefined) return statement;
  // Positions are in bytes, not characters.
  const bytes = Buffer.from(statement);
  return Buffer.concat([bytes.subarray(0, word.start), bytes.subarray(word.end)]).toString("utf8");
}

/** Index that the statement builds beside reads and writes: a build that was cut off leaves it there, invalid. */
export async function builtConcurrently(statement: string): Promise<string | undefined> {
  const [parsed] = await parseStatements(statement);
  const index = as(parsed?.tree, "IndexStmt");
  return index?.concurrent === true ? index.idxname : undefined;
}

/** Whether PostgreSQL refuses it inside a transaction for that word. */
export function isConcurrent(tree: Node): boolean {
  if ((as(tree, "IndexStmt") ?? as(tree, "DropStmt"))?.concurrent === true) return true;
  if (all(as(tree, "ReindexStmt")?.params, "DefElem").some(({ defname }) => defname === "concurrently")) return true;
  return all(as(tree, "AlterTableStmt")?.cmds, "AlterTableCmd").some(
    ({ def }) => as(def, "PartitionCmd")?.concurrent === true,
  );
}
