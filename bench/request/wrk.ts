/** Load from wrk, a process of its own: requests at random tenants, over kept connections. */
import { execFile } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { promisify } from "node:util";
import { ensureSystemPackage } from "../../scripts/embedded/system-packages.ts";

export interface Load {
  readonly url: string;
  /** Host headers are drawn from 1 to this. */
  readonly tenants: number;
  readonly seconds: number;
  readonly connections: number;
}

export interface Measured {
  readonly requests: number;
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p95Ms: number;
  readonly p99Ms: number;
  /** Answers other than 2xx, and broken connections. */
  readonly failed: number;
}

const run = promisify(execFile);

/** Prepares the script once. `hostOf` gets Lua's expression for the tenant's number. */
export async function prepareWrk(folder: string, host: string): Promise<(load: Load) => Promise<Measured>> {
  const command = await ensureSystemPackage({ command: "wrk", debian: "wrk", brew: "wrk" });
  const script = `${folder}/load.lua`;
  await writeFile(script, luaOf(host));
  let seed = 0;
  return async ({ url, tenants, seconds, connections }) => {
    seed += 1;
    const args = ["-t1", `-c${connections}`, `-d${seconds}s`, "-s", script, url, String(tenants), String(seed)];
    const { stdout } = await run(command, args);
    const line = stdout.split("\n").find((text) => text.startsWith("{"));
    return JSON.parse(line ?? "") as Measured;
  };
}

/** wrk gives what follows the URL to `init`, and microseconds to `done`. */
const luaOf = (host: string): string => `
local tenants
function init(args)
  tenants = tonumber(args[1])
  math.randomseed(tonumber(args[2]))
end
function request()
  return wrk.format("GET", nil, { ["Host"] = string.format("${host}", math.random(tenants)) })
end
function done(summary, latency)
  local errors = summary.errors
  io.write(string.format('{"requests":%d,"perSecond":%.2f,"p50Ms":%.4f,"p95Ms":%.4f,"p99Ms":%.4f,"failed":%d}\\n',
    summary.requests, summary.requests / summary.duration * 1e6,
    latency:percentile(50) / 1000, latency:percentile(95) / 1000, latency:percentile(99) / 1000,
    errors.connect + errors.read + errors.write + errors.status + errors.timeout))
end
`;
