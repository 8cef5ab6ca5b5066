import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { defaultConfig } from "../core/config.ts";
import { startStack, type Stack } from "../scripts/stack.ts";

/** Makes the first admin, who `signIn` signs in. */
export const adminEnvironment = { ADMIN_EMAIL: "bench@example.com", ADMIN_PASSWORD: "bench-password-1" };

/** Lends a whole durable stack in a temporary folder, with an access token for its API; nothing is left afterwards. */
export async function withStack<T>(work: (stack: Stack, token: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), "secretaria-bench-"));
  const config = defaultConfig({
    DATA_DIR: folder,
    CONTROL_PLANE_PORT: 0,
    RUNTIME_HTTP_PORT: 0,
    RUNTIME_HTTPS_PORT: 0,
  });
  const progress = (line: string) => process.stderr.write(`· ${line}\n`);
  try {
    const stack = await startStack({
      config,
      env: { PATH: process.env["PATH"], HOME: process.env["HOME"], LOG_LEVEL: "error", ...adminEnvironment },
      onProgress: progress,
      onLog: (program, line) => progress(`${program}: ${line}`),
    });
    try {
      return await work(stack, await signIn(stack.connection.controlPlaneUrl));
    } finally {
      await stack.stop();
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Returns an access token for the API of a control plane. */
export async function signIn(controlPlaneUrl: string): Promise<string> {
  const { ADMIN_EMAIL: email, ADMIN_PASSWORD: password } = adminEnvironment;
  const answer = await fetch(`${controlPlaneUrl}/api/auth/login`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ email, password }),
  });
  return ((await answer.json()) as { accessToken: string }).accessToken;
}
