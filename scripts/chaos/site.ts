/** Servers, programs and two control planes of their own, on which points are tried one after the other. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ControlContext } from "../../control-plane/context.ts";
import { openContext } from "../../control-plane/open-context.ts";
import { defaultConfig } from "../../core/config.ts";
import { createLogger } from "../../core/logger.ts";
import { createShutdown } from "../../core/shutdown.ts";
import { choosePort } from "../embedded/ports.ts";
import { startStack, type Stack } from "../stack.ts";
import { ask, type ChaosClient } from "./client.ts";
import { openPlane, type Plane } from "./plane.ts";

export interface Site {
  readonly stack: Stack;
  /** The second one is started by whoever needs it. */
  readonly planes: readonly [Plane, Plane];
  /** To look at PostgreSQL and Redis as they are, without asking a control plane. */
  readonly eyes: ControlContext;
  /** Signs in where that has not been done lately. */
  signIn(plane: Plane): Promise<ChaosClient>;
  close(): Promise<void>;
}

const admin = { email: "chaos@example.com", password: "chaos-password" };
const tokenLifeMs = 20 * 60_000;

/** @param env of the programs, besides what the site decides. */
export async function openSite(env: Readonly<Record<string, string>> = {}): Promise<Site> {
  const folder = await mkdtemp(join(tmpdir(), "secretaria-chaos-"));
  const crashFile = (plane: number) => join(folder, `crash-${plane}`);
  const ports = { CONTROL_PLANE_PORT: 0, RUNTIME_HTTP_PORT: 0, RUNTIME_HTTPS_PORT: 0 };
  const config = defaultConfig({ DATA_DIR: folder, ...ports });
  const stack = await startStack({
    config,
    env: {
      PATH: process.env["PATH"],
      ADMIN_EMAIL: admin.email,
      ADMIN_PASSWORD: admin.password,
      LOG_LEVEL: "fatal",
      LEASE_SECONDS: "1",
      SWEEP_SECONDS: "0.2",
      CRASH_FILE: crashFile(1),
      ...env,
    },
    revive: false,
  });
  const log = createLogger("chaos", "silent");
  const shutdown = createShutdown(log);
  const { databaseUrl: DATABASE_URL, redisUrl: REDIS_URL } = stack.connection;
  const looking = openContext({ ...config, DATABASE_URL, REDIS_URL }, log, shutdown);
  const eyes = await looking.catch(async (error: unknown) => {
    await shutdown.run("chaos cannot look");
    await stack.stop();
    throw error;
  });
  const besidePort = String(await choosePort(0));
  let signedIn: { token: Promise<string>; until: number } | undefined;
  return {
    stack,
    planes: [
      openPlane(
        { url: stack.connection.controlPlaneUrl, crashFile: crashFile(1) },
        stack.program("control-plane"),
        () => stack.startAgain("control-plane"),
      ),
      openPlane({ url: `http://localhost:${besidePort}`, crashFile: crashFile(2) }, undefined, () =>
        stack.startBeside("control-plane", "control-plane-2", {
          CONTROL_PLANE_PORT: besidePort,
          CRASH_FILE: crashFile(2),
        }),
      ),
    ],
    eyes,
    async signIn({ url }) {
      if (signedIn === undefined || signedIn.until < Date.now()) {
        const answer = ask<{ accessToken: string }>({ url, token: "" }, "POST", "/api/auth/login", admin);
        signedIn = { token: answer.then(({ accessToken }) => accessToken), until: Date.now() + tokenLifeMs };
        signedIn.token.catch(() => (signedIn = undefined));
      }
      return { url, token: await signedIn.token };
    },
    async close() {
      await shutdown.run("chaos is over");
      await stack.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
