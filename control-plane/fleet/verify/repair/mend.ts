import pg from "pg";
import type { Fact } from "../../../../core/migrations/fingerprint.ts";
import type { SchemaOwner } from "../../../../core/migrations/tenant-schema.ts";

/** Statements for one change, without semicolons. */
export interface Mend {
  readonly sql: readonly string[];
  /** Why a person must decide: the statements are then written as comments. */
  readonly why?: string;
}

/** What the statements are written for. */
export interface Patient {
  readonly owner: SchemaOwner;
  readonly schema: string;
  /** Everything that should be there. */
  readonly expected: readonly Fact[];
  /** Tables of the schema that are in partitions. */
  readonly parted: readonly string[];
}

export const quote = pg.escapeIdentifier;
export const literal = pg.escapeLiteral;

/** A text of the catalog; empty where there is none. */
export const text = (fact: Fact, name: string): string => {
  const value = fact.is[name] ?? null;
  return value === null ? "" : String(value);
};

export const tableOf = (fact: Fact): string => quote(text(fact, "on"));
export const nameOf = (fact: Fact): string => quote(text(fact, "name"));

/** PUBLIC is a word, every other grantee a name. */
export const roleOf = (name: string): string => (name === "PUBLIC" ? name : quote(name));

export const decide = (why: string, ...sql: string[]): Mend => ({ sql, why });

export const holdsData = "it may hold data, and no migration of this tenant's version made it";
