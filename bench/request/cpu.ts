/** Processor time of one request: unlike requests per second it hardly depends on what else the machine does. */
import { backendCpuUs } from "./backends.ts";
import type { App } from "./app-process.ts";
import type { Fleet } from "./fleet.ts";
import type { Measured } from "./wrk.ts";

/** µs a request. */
export interface Cpu {
  /** Of the application's process, in its own code and in the kernel's. */
  readonly user: number;
  readonly system: number;
  /** Of the server processes of its connections; one that ended meanwhile is left out. */
  readonly server: number;
}

/** One slice of load and what it cost. */
export async function withCpu(fleet: Fleet, app: App, slice: () => Promise<Measured>): Promise<Measured & Cpu> {
  const before = await readCpu(fleet, app);
  const measured = await slice();
  const after = await readCpu(fleet, app);
  const perRequest = (us: number) => us / measured.requests;
  const spent = [...after.backends].map(([pid, us]) => us - (before.backends.get(pid) ?? 0));
  return {
    ...measured,
    user: perRequest(after.user - before.user),
    system: perRequest(after.system - before.system),
    server: perRequest(spent.reduce((sum, us) => sum + us, 0)),
  };
}

async function readCpu(fleet: Fleet, app: App) {
  const answer = await fetch(`${app.url}/cpu`);
  const { user, system } = (await answer.json()) as NodeJS.CpuUsage;
  return { user, system, backends: await backendCpuUs(fleet.owner, `bench ${app.variant}`) };
}
