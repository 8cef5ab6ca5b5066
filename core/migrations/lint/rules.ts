/** Every rule of the lint: what goes wrong without it, and what to write instead. Codes are promises: files accept them by name. */

export interface Rule {
  readonly level: "error" | "warning";
  readonly why: string;
  readonly instead: string;
}

const error = (why: string, instead: string): Rule => ({ level: "error", why, instead });
const warning = (why: string, instead: string): Rule => ({ level: "warning", why, instead });

export const rules = {
  "not-well-formed": error("the file is no migration", "begin from what `npm run migrate -- make <name>` writes"),
  "unknown-directive": error("a line of the head means nothing", "write one of the directives that it names"),
  syntax: error("PostgreSQL's parser refuses it", "mend the statement"),
  "missing-down": error(
    "a release that goes wrong could not be taken back",
    "write under '-- down' the statements that undo it",
  ),
  "missing-why": warning("nobody will know what it was for", "fill in '-- why: …'"),

  "duplicate-number": error(
    "two branches took the same number, and which file runs first would be chance",
    "give the newer file the next free number",
  ),
  "wrong-number": error(
    "the number says whose a file is: versions name the last one of the product's and the last one of an importer's",
    "number the product's files before 5000, those of a folder of your own from 5000",
  ),
  "out-of-order": error(
    "it sorts before files that are released: tenants that have those would run it last, new tenants first",
    "give it a number after the last sealed one",
  ),
  "edited-history": error(
    "schemas that ran the file as it was would never get the change",
    "restore the file (git checkout) and write the change as a new migration",
  ),
  "unknown-contract": error(
    "what it waits for cannot be told",
    "name an earlier file of the folder that has a line '-- expand'",
  ),
  "unknown-accept": error("there is no such rule", "name one of the codes that the lint prints"),
  "unused-accept": warning("nothing in the file breaks the rule", "take the line out"),

  destructive: error(
    "the release before still uses what goes, and data that went does not come back with '-- down'",
    "stop using it in one release ('-- expand'), take it away in a later one ('-- contract: <that file>')",
  ),
  "table-rewrite": error(
    "every row is written anew while nobody may read or write the table",
    "add a column without a computed default, fill it in small steps, then switch over",
  ),
  "set-not-null": error(
    "the whole table is read while nobody may use it",
    "ADD CONSTRAINT … CHECK (column IS NOT NULL) NOT VALID, VALIDATE CONSTRAINT in a later file, then SET NOT NULL and drop the check",
  ),
  "not-null-column": error(
    "a table with rows refuses it",
    "give the column a constant default, or let it be null at first",
  ),
  "validated-constraint": error(
    "the whole table is read while writes wait",
    "add NOT VALID here and VALIDATE CONSTRAINT in a later file",
  ),
  "validate-apart": error(
    "the lock of ADD CONSTRAINT is held while the whole table is read",
    "put VALIDATE CONSTRAINT into a file of its own after this one",
  ),
  "blocking-index": warning(
    "writes to the table wait until the index is built",
    "CREATE INDEX CONCURRENTLY IF NOT EXISTS in a file with '-- no-transaction'; or '-- blocking-ok: <why>' where every tenant's table is small",
  ),

  "own-partition": error(
    "the platform parts the table by month when it is large: tenants that have few rows have no partitions of it",
    "leave its partitions alone; rows of months without one are in the default partition, or in the one table",
  ),

  "transaction-control": error(
    "the runner owns the transaction: what follows would run outside of it",
    "take it out; '-- no-transaction' in the head sends each statement by itself",
  ),
  "session-setting": error(
    "it outlives the statement, and the search path decides whose tables are changed",
    "take it out; the runner sets path and timeouts",
  ),
  "qualified-name": error(
    "the file would change one schema, whichever tenant it is run for",
    "leave the schema out: names are looked up in the tenant's own schema, then in extensions",
  ),
  "outside-transaction": error(
    "PostgreSQL refuses it inside a transaction",
    "move it to a file of its own with '-- no-transaction' in the head",
  ),
  "not-repeatable": error(
    "each statement of the file commits by itself: after a crash the file runs again from its first one, which then fails",
    "write IF NOT EXISTS, IF EXISTS, OR REPLACE or ON CONFLICT; put what cannot be repeated into a file of its own",
  ),

  fails: error("a server refuses it", "mend the file; the files after it were not tried"),
  "not-reversible": error(
    "undone and done again, schemas would differ from those that were never undone",
    "undo in '-- down' all that '-- up' does, newest first",
  ),
} as const satisfies Record<string, Rule>;

export type RuleCode = keyof typeof rules;

export const isRuleCode = (code: string): code is RuleCode => Object.hasOwn(rules, code);

/** What a rule says about a statement. */
export interface Hit {
  readonly code: RuleCode;
  readonly what: string;
  /** Where it differs from the rule's own. */
  readonly level?: Rule["level"] | undefined;
}
