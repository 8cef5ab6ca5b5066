/** A process tells the registry that it lives, what it knows of tenants' migrations, and how its requests ended. */
import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { newAnswerCounts, type AnswerCounts } from "./answer-counts.ts";
import type { Knex } from "./db.ts";
import type { Logger } from "./logger.ts";
import { readMigrations } from "./migrations/sql-files.ts";
import { isBehind, nameOf, versionOf } from "./migrations/version.ts";
import { projectPath } from "./paths.ts";
import { registryPatienceMs } from "./registry.ts";

export type ProcessKind = "control-plane" | "runtime" | "worker";

export interface Heartbeat {
  readonly id: string;
  /** A run waits for tenants to be asked for, as of the last beat. */
  isTouchAwaited(): boolean;
  /** Waits for the beat that is under way, then takes the process out of the registry. */
  close(): Promise<void>;
}

export interface HeartbeatOptions {
  readonly kind: ProcessKind;
  readonly seconds: number;
  readonly log: Logger;
  readonly answers?: AnswerCounts;
}

/** A stopping process is not held up by a registry that is silent: its row goes by itself after ten beats. */
const farewellMs = 1_500;

/**
 * Enters this process and beats until it is closed. A beat that fails is logged, and the next one comes.
 * @throws Error when the fleet's schemas have gone where this release cannot serve them.
 */
export async function startHeartbeat(db: Knex, options: HeartbeatOptions): Promise<Heartbeat> {
  const { kind, seconds, log, answers = newAnswerCounts() } = options;
  const id = randomUUID();
  const [release, version] = [readRelease(), versionOf(readMigrations("tenant"))];
  let state: BeatAnswer = { on_request: false, floor: null };
  let isSilent = false;
  const beat = async () => {
    try {
      state = await sendBeat(db, [id, kind, release, version, seconds, answers.requests, answers.serverErrors]);
      isSilent = false;
    } catch (error) {
      if (!isSilent) log.warn({ err: error }, "the registry was not told that this process lives; it is told again");
      isSilent = true;
    }
  };
  await beat();
  const leave = () =>
    Promise.race([db.raw("SELECT public.end_process(?)", [id]), sleep(farewellMs, undefined, { ref: false })]);
  if (isTooOld(version, state)) {
    await leave();
    throw new Error(tooOld(version, state.floor));
  }
  const loop = repeat(seconds * 1000, async () => {
    await beat();
    // Somebody held it still for so long that it counted as dead.
    if (isTooOld(version, state)) log.fatal({ version, floor: state.floor }, tooOld(version, state.floor));
  });
  return {
    id,
    isTouchAwaited: () => state.on_request,
    async close() {
      await loop.stop();
      await leave().catch((error: unknown) =>
        log.debug({ err: error }, "this process stays in the registry for a while"),
      );
    },
  };
}

interface BeatAnswer {
  readonly on_request: boolean;
  /** The newest expands of the product and of an importer that were followed by their contracts, written as a version's files. */
  readonly floor: string | null;
}

async function sendBeat(db: Knex, values: readonly (string | number)[]): Promise<BeatAnswer> {
  const asked = db.raw<{ rows: BeatAnswer[] }>("SELECT * FROM public.beat_process(?, ?, ?, ?, ?, ?, ?)", [...values]);
  const { rows } = await asked.timeout(registryPatienceMs);
  return rows[0] ?? { on_request: false, floor: null };
}

const isTooOld = (version: string, { floor }: BeatAnswer): boolean => floor !== null && isBehind(version, floor);

const tooOld = (version: string, floor: string | null): string =>
  `This release knows tenants' migrations up to ${nameOf(version)}; what it still uses was taken away from companies ` +
  `after ${floor}. Start a release that knows ${floor}, or undo those migrations with that release first.`;

function readRelease(): string {
  const { version } = JSON.parse(readFileSync(projectPath("package.json"), "utf8")) as { version: string };
  return version;
}

/** One at a time; a turn that comes while one is under way is left out. */
function repeat(ms: number, act: () => Promise<void>): { stop(): Promise<void> } {
  let running: Promise<void> | undefined;
  const timer = setInterval(() => {
    running ??= act().finally(() => (running = undefined));
  }, ms);
  return {
    async stop() {
      clearInterval(timer);
      await running;
    },
  };
}
