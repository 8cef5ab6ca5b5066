/** The server's side of an application's connections. */
import { readFile } from "node:fs/promises";
import type pg from "pg";

/** The largest private memory of its backends, in MB: what one connection costs. Linux only; NaN elsewhere. */
export async function backendMemoryMb(owner: pg.Client, name: string): Promise<number> {
  const sizes = await Promise.all((await pidsOf(owner, name)).map(anonymousKb));
  return Math.max(...sizes) / 1024;
}

/** Processor time of each backend so far, in µs by its pid, in steps of 10 ms. Linux only; empty elsewhere. */
export async function backendCpuUs(owner: pg.Client, name: string): Promise<ReadonlyMap<number, number>> {
  const pids = await pidsOf(owner, name);
  const times = await Promise.all(pids.map(async (pid) => [pid, await processorUs(pid)] as const));
  return new Map(times.filter(([, us]) => us !== undefined) as [number, number][]);
}

/** Ends them all: the next statement meets a backend that knows no tenant. */
export async function dropBackends(owner: pg.Client, variant: string): Promise<void> {
  await owner.query("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name = $1", [
    `bench ${variant}`,
  ]);
}

async function pidsOf(owner: pg.Client, name: string): Promise<number[]> {
  const sql = "SELECT pid FROM pg_stat_activity WHERE application_name = $1";
  return (await owner.query<{ pid: number }>(sql, [name])).rows.map(({ pid }) => pid);
}

/** Without shared memory, which all backends have in common. */
async function anonymousKb(pid: number): Promise<number> {
  const text = await readFile(`/proc/${pid}/smaps_rollup`, "utf8").catch(() => "");
  return Number(/^Anonymous:\s+(\d+) kB/m.exec(text)?.[1] ?? Number.NaN);
}

/**
 * Returns the process's processor time so far in steps of 10 ms; undefined when it is gone. Linux only. Ticks of user and
 * system time are the 14th and 15th field; the second, the command in brackets, may hold spaces.
 */
export async function processorUs(pid: number): Promise<number | undefined> {
  const text = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "");
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return fields.length > 12 ? (Number(fields[11]) + Number(fields[12])) * 10_000 : undefined;
}
