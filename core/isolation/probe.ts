/** The program attacks itself before it serves anybody: what isolates the tenants here is proved, not assumed. */
import { isServiceDown, reasonOf } from "../errors.ts";
import type { TenantHandle, TenantPool } from "../tenant-db/tenant-pool.ts";
import { attacks, findMark, isRefusal, rowsOf, type Attack } from "./attacks.ts";
import { scratchA, scratchB } from "./scratch-tenants.ts";

/** From the weakest to the strongest; see docs/ISOLATION.md. */
export const isolationLevels = ["none", "pooled", "hardened"] as const;
export type IsolationLevel = (typeof isolationLevels)[number];

export interface Isolation {
  readonly level: IsolationLevel;
  /** Names of attacks that were stopped. */
  readonly held: readonly string[];
  readonly failed: readonly { readonly name: string; readonly why: string }[];
}

/**
 * Runs every attack through the pool's own handles: directly, or behind whatever pooler the URL leads to.
 * @throws when the server goes away meanwhile, or the scratch tenants are not there (`npm run migrate` makes them).
 */
export async function probeIsolation(pool: TenantPool): Promise<Isolation> {
  const handles = { a: pool.forTenant(scratchA), b: pool.forTenant(scratchB) };
  await proveSetting(handles);
  const held: string[] = [];
  const failed: { name: string; why: string; attack: Attack }[] = [];
  // One after the other: what one leaves on a connection, the next ones find.
  for (const attack of attacks) {
    const why = await attempt(attack, handles);
    if (why === undefined) held.push(attack.name);
    else failed.push({ name: attack.name, why, attack });
  }
  const fell = (level: string) => failed.some(({ attack }) => attack.level === level);
  const level = fell("pooled") ? "none" : fell("hardened") ? "pooled" : "hardened";
  return { level, held, failed: failed.map(({ name, why }) => ({ name, why })) };
}

/** An attack that reaches nothing proves something only where there is something to reach. */
async function proveSetting({ b }: { b: TenantHandle }): Promise<void> {
  const seen = findMark(await rowsOf(b.db, "SELECT mark FROM marks"));
  if (seen === undefined) throw new Error(`${scratchB.names.schema}.marks is empty; run: npm run migrate`);
}

async function attempt(attack: Attack, handles: { a: TenantHandle; b: TenantHandle }): Promise<string | undefined> {
  try {
    return await attack.run(handles);
  } catch (error) {
    if (isRefusal(error)) return undefined;
    if (isServiceDown(error)) throw error;
    return `it ended in an error that proves nothing: ${reasonOf(error)}`;
  }
}
