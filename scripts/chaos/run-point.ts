/** One crash: arm the control plane, ask for the operation, see it die there, start it again, and look at what is left. */
import type { Stack } from "../stack.ts";
import type { ChaosPoint } from "./points.ts";
import { ask, waitUntil, type ChaosClient, type Tenant } from "./client.ts";
import { verifyOutcome } from "./verify.ts";

export interface ChaosResult extends ChaosPoint {
  /** Undefined when all is as it should be. */
  readonly fault: string | undefined;
  /** From the restart until everything had converged. */
  readonly recoverySeconds: number;
}

let companies = 0;

export async function runPoint(stack: Stack, token: string, crash: ChaosPoint): Promise<ChaosResult> {
  const client = { url: stack.connection.controlPlaneUrl, token };
  await stack.program("control-plane").kill("SIGKILL");
  // A resume passes the points of a provisioning: its company is made and suspended before the plane is armed.
  const isResume = crash.operation === "resume";
  await stack.startAgain("control-plane", isResume ? {} : { CRASH_AT: crash.point });
  companies += 1;
  const slug = `chaos-${companies}`;
  if (crash.operation !== "provision") await complete(client, "provision", slug);
  if (isResume) {
    await complete(client, "suspend", slug);
    await stack.program("control-plane").kill("SIGKILL");
    await stack.startAgain("control-plane", { CRASH_AT: crash.point });
  }
  const armed = stack.program("control-plane");
  await send(client, crash.operation, slug).catch(() => undefined);
  const died = await waitUntil(() => !isAlive(armed.pid), 20);
  if (!died) return { ...crash, fault: "the point was never reached", recoverySeconds: 0 };

  await stack.startAgain("control-plane");
  const started = performance.now();
  // A crash before the first commit loses the request, and nothing else: its sender asks again.
  if (crash.point === "active.row.before") await send(client, "provision", slug);
  const fault = await verifyOutcome(stack, client, { operation: crash.operation, slug });
  return { ...crash, fault, recoverySeconds: (performance.now() - started) / 1000 };
}

/** Sends the request and waits until its operation has succeeded. */
async function complete(client: ChaosClient, operation: ChaosPoint["operation"], slug: string): Promise<void> {
  const answer = await send(client, operation, slug);
  const path = `/api/operations/${answer.operation.id}`;
  const done = await waitUntil(async () => (await ask<Tenant>(client, "GET", path)).status === "succeeded", 20);
  if (!done) throw new Error(`${operation} of ${slug} did not succeed before the crash was tried`);
}

async function send(client: ChaosClient, operation: ChaosPoint["operation"], slug: string): Promise<Started> {
  const company = { name: `Caos ${slug}`, domain: `${slug}.example.com`, plan: "basic", slug };
  if (operation === "provision") return ask(client, "POST", "/api/tenants/provision", company);
  if (operation === "delete")
    return ask(client, "DELETE", `/api/tenants/${slug}`, {
      confirm: slug,
      reason: "chaos",
      purgeAfter: new Date().toISOString(),
    });
  return ask(client, "POST", `/api/tenants/${slug}/${operation}`, {});
}

interface Started {
  readonly operation: { readonly id: string };
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
