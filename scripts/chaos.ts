import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { defaultConfig } from "../core/config.ts";
import { chaosPoints } from "./chaos/points.ts";
import { ask } from "./chaos/client.ts";
import { runPoint } from "./chaos/run-point.ts";
import { startStack } from "./stack.ts";
import { fail } from "./terminal.ts";

const help = `Usage: npm run chaos [-- --only <text>] [--every <n>] [--json]

Kills the control plane (SIGKILL, a real process) before and after every external effect of provisioning, suspension,
resumption and deletion, starts it again, and checks: converged, nothing twice, nothing orphaned. On servers of its own.

  --only TEXT   only points whose name holds the text, e.g. deleted.cache
  --every N     every Nth point: a sample
  --json        a JSON line for each point
  --list        name the points and do nothing

Exit: 0 all green, 1 a point failed or the run broke, 2 wrong arguments.
`;

const { values } = parseArgs({
  options: {
    only: { type: "string", default: "" },
    every: { type: "string", default: "1" },
    json: { type: "boolean", default: false },
    list: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
});
const chosen = chaosPoints
  .filter(({ operation, point }) => `${operation} ${point}`.includes(values.only))
  .filter((_, i) => i % Math.max(1, Number(values.every)) === 0);
const say = (line: string) => process.stdout.write(`${line}\n`);

if (values.help) say(help);
else if (values.list) chosen.forEach(({ operation, point }) => say(`${operation.padEnd(10)} ${point}`));
else process.exitCode = await runAll().catch((error: unknown) => fail(error, 1));

async function runAll(): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), "secretaria-chaos-"));
  const admin = { email: "chaos@example.com", password: "chaos-password" };
  const config = defaultConfig({
    DATA_DIR: folder,
    CONTROL_PLANE_PORT: 0,
    RUNTIME_HTTP_PORT: 0,
    RUNTIME_HTTPS_PORT: 0,
  });
  const settings = { LEASE_SECONDS: "1", SWEEP_SECONDS: "0.2", LOG_LEVEL: "fatal" };
  const stack = await startStack({
    config,
    env: { PATH: process.env["PATH"], ADMIN_EMAIL: admin.email, ADMIN_PASSWORD: admin.password, ...settings },
    revive: false,
  });
  try {
    const login = { url: stack.connection.controlPlaneUrl, token: "" };
    const { accessToken } = await ask<{ accessToken: string }>(login, "POST", "/api/auth/login", admin);
    let failed = 0;
    for (const [i, crash] of chosen.entries()) {
      const result = await runPoint(stack, accessToken, crash);
      failed += result.fault === undefined ? 0 : 1;
      if (values.json) say(JSON.stringify(result));
      else say(matrixLine(`${i + 1}/${chosen.length}`, result));
    }
    say(`${chosen.length} crash points, ${chosen.length - failed} green, ${failed} failed`);
    return failed === 0 && chosen.length > 0 ? 0 : 1;
  } finally {
    await stack.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

function matrixLine(count: string, result: Awaited<ReturnType<typeof runPoint>>): string {
  const verdict =
    result.fault === undefined
      ? `ok, converged ${result.recoverySeconds.toFixed(1)} s after the restart`
      : `FAILED: ${result.fault}`;
  return `${count.padStart(6)}  ${result.operation.padEnd(10)}${result.point.padEnd(28)}${verdict}`;
}
