/**
 * Statements that a server session keeps parsed and planned, each for one tenant: a third of what a short statement costs
 * the server. Kept is what came back on the same connection; what was not used for longest makes room.
 */
import { createRow, type InRow } from "../row.ts";
import type { RowShape } from "./scoped-query.ts";

export interface KeptStatement extends InRow<KeptStatement> {
  readonly tenant: number;
  readonly text: string;
  uses: number;
  /** From when it is sent to be kept. */
  name: string | undefined;
  isSent: boolean;
  /** Of its rows, as the server described them when it was kept: it need not say so again. */
  shape: RowShape | undefined;
}

export interface KeptStatements {
  /**
   * Counts a use; the statement has a name when it is or is to be kept.
   * @param isBrief it has come back many times already, if not here: it is kept at once where there is room.
   */
  use(tenant: number, text: string, isBrief?: boolean): KeptStatement;
  /** The server refused it: it is to be closed, and begins anew. */
  drop(kept: KeptStatement): void;
  /** Names that are no longer used since this was asked last. */
  takeClosed(): readonly string[];
  /** The session has lost them all. */
  clear(): void;
}

/** Uses on one connection before a statement is worth keeping. */
const often = 3;
/** What the server keeps of a statement, in bytes: 16 kB for one table and a few columns, 72 kB for a join of three. */
const least = 16_384;
const perCharacter = 400;
/** Fuller than this part of the room, another statement will have to make room for what is new. */
const crowded = 0.9;
const none: readonly string[] = [];

/** @param room bytes of the server's memory, about. */
export function createKeptStatements(room: number): KeptStatements {
  const tenants = new Map<number, Map<string, KeptStatement>>();
  /** The one that was not used for longest first. */
  const all = createRow<KeptStatement>();
  let used = 0;
  let named = 0;
  let closed: string[] = [];

  const remove = (kept: KeptStatement): void => {
    if (!kept.isInRow) return;
    all.remove(kept);
    used -= sizeOf(kept.text);
    const texts = tenants.get(kept.tenant);
    texts?.delete(kept.text);
    if (texts?.size === 0) tenants.delete(kept.tenant);
    if (kept.name !== undefined) closed.push(kept.name);
  };

  const makeRoom = (newest: KeptStatement): void => {
    for (let oldest = all.first; oldest !== undefined && oldest !== newest; oldest = all.first) {
      if (used <= room) return;
      remove(oldest);
    }
  };

  const add = (tenant: number, text: string): KeptStatement => {
    const kept = createKept(tenant, text);
    const texts = tenants.get(tenant) ?? new Map<string, KeptStatement>();
    tenants.set(tenant, texts.set(text, kept));
    used += sizeOf(text);
    all.append(kept);
    makeRoom(kept);
    return kept;
  };

  return {
    use(tenant, text, isBrief = false) {
      const known = tenants.get(tenant)?.get(text);
      const kept = known ?? add(tenant, text);
      kept.uses += 1;
      if (known !== undefined) {
        all.remove(kept);
        all.append(kept);
      }
      const isWorthIt = kept.uses >= often || (isBrief && used < room * crowded);
      // Names are never given twice, so that no answer can be taken for another statement's.
      if (isWorthIt && kept.name === undefined && sizeOf(text) < room / 4) kept.name = `kept_${(named += 1)}`;
      return kept;
    },
    drop: remove,
    takeClosed() {
      if (closed.length === 0) return none;
      const names = closed;
      closed = [];
      return names;
    },
    clear() {
      tenants.clear();
      all.clear();
      closed = [];
      used = 0;
    },
  };
}

const createKept = (tenant: number, text: string): KeptStatement => ({
  tenant,
  text,
  uses: 0,
  name: undefined,
  isSent: false,
  shape: undefined,
  before: undefined,
  after: undefined,
  isInRow: false,
});

const sizeOf = (text: string): number => Math.max(least, text.length * perCharacter);

/**
 * What a statement can fail with because it was kept: its rows have other columns by now (0A000), the session does not have
 * it (26000), or its values have other types (22) or its names another meaning (42) than when it was parsed.
 */
export const isOfKeeping = (error: Error): boolean =>
  /^(0A000|26000|22...|42...)$/.test((error as { code?: string }).code ?? "");
