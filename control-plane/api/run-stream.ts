import { setTimeout as sleep } from "node:timers/promises";
import type { Request, Response } from "express";
import { sha256Hex } from "../../core/secrets.ts";
import type { ControlContext } from "../context.ts";
import { presentRun } from "../fleet/present-run.ts";
import { viewRun } from "../fleet/run-store.ts";
import { heartbeatMs, openEventStream } from "./event-stream.ts";

const pollMs = 250;
/** Counting a big fleet takes its time: whoever watches leaves the database alone for this many times as long. */
const restFactor = 4;

interface Snapshot {
  readonly hasEnded: boolean;
  readonly data: string;
  /** Of `data`, short. */
  readonly digest: string;
  /** How long it took to count. */
  readonly tookMs: number;
}

/**
 * Server-sent events of one run: `run` with all of it whenever something changed, at most four a second, and `ended`
 * with what it ended as. An `id` is a number that grows and the digest of what was sent, so a client that connects
 * again is told only what it has not seen; after the end that is nothing, and it gets 204 and stays away.
 */
export async function streamRun(
  ctx: ControlContext,
  runId: string,
  { req, res }: { req: Request; res: Response },
): Promise<void> {
  const [, count = "0", seen] = /^(\d{1,9})-([0-9a-f]{12})$/.exec(req.get("last-event-id") ?? "") ?? [];
  const first = await takeSnapshot(ctx, runId);
  if (first === undefined || (first.hasEnded && first.digest === seen)) {
    res.status(204).end();
    return;
  }
  openEventStream(res);
  let [number, sent, spoke] = [Number(count), seen, Date.now()];
  for (let snapshot: Snapshot | undefined = first; snapshot !== undefined && !res.closed;) {
    if (snapshot.digest !== sent) {
      number += 1;
      sent = snapshot.digest;
      spoke = Date.now();
      res.write(formatSnapshot(snapshot, number));
    }
    if (snapshot.hasEnded) break;
    if (Date.now() - spoke > heartbeatMs) {
      res.write(": still here\n\n");
      spoke = Date.now();
    }
    await sleep(Math.max(pollMs, snapshot.tookMs * restFactor));
    snapshot = await takeSnapshot(ctx, runId);
  }
  res.end();
}

async function takeSnapshot(ctx: ControlContext, runId: string): Promise<Snapshot | undefined> {
  const asked = Date.now();
  const view = await viewRun(ctx.db, runId);
  if (view === undefined) return undefined;
  const data = JSON.stringify(presentRun(view));
  const digest = sha256Hex(data).slice(0, 12);
  return { hasEnded: view.finished_at !== null, data, digest, tookMs: Date.now() - asked };
}

const formatSnapshot = ({ hasEnded, data, digest }: Snapshot, number: number): string =>
  `id: ${number}-${digest}\nevent: ${hasEnded ? "ended" : "run"}\ndata: ${data}\n\n`;
