/** Several runtime processes hold a company to its plan together. */
import { expect } from "chai";
import { openRedis, type Redis } from "../core/redis.ts";
import { openFleetShare, type FleetShare } from "../tenant-runtime/limits/fleet-share.ts";
import { createRequestRate } from "../tenant-runtime/limits/request-rate.ts";
import { testLog } from "./support/program-log.ts";
import { shared } from "./support/servers.ts";

describe("requests per second over several processes", () => {
  const perSecond = 20;
  let redis: Redis;
  let time = 0;
  let company = 0;
  const open: FleetShare[] = [];

  before(() => {
    redis = openRedis(shared.redisUrl, testLog());
  });
  beforeEach(() => {
    // A time and a company of this test's own: what others told is none of its.
    time = Math.floor(Math.random() * 1e9) * 1_000;
    company += 1;
  });
  afterEach(() => open.splice(0).forEach((share) => share.close()));
  after(() => redis.disconnect());

  /** A process's limiter, on the test's clock. */
  function openProcess(): { asked: (count: number) => number; exchange: () => Promise<void> } {
    const rate = createRequestRate({ now: () => time });
    const share = openFleetShare(redis, { now: () => time, intervalMs: 3_600_000 });
    open.push(share);
    const take = () => rate.take(company, share.count(company, perSecond)).isAllowed;
    return {
      asked: (count) => Array.from({ length: count }, take).filter(Boolean).length,
      exchange: () => share.exchange(),
    };
  }

  /** Seconds go by, in each of which every process is asked so often. Answers what each let through in each second. */
  async function run(seconds: number, asks: readonly [ReturnType<typeof openProcess>, number][]): Promise<number[][]> {
    const allowed: number[][] = [];
    for (let second = 0; second < seconds; second++) {
      allowed.push(asks.map(([process, count]) => process.asked(count)));
      time += 1_000;
      await Promise.all(asks.map(([process]) => process.exchange()));
    }
    return allowed;
  }

  it("let through what the plan says, each its part by what it is asked for", async () => {
    const seconds = await run(8, [
      [openProcess(), 90],
      [openProcess(), 30],
    ]);
    for (const allowed of seconds.slice(4)) expect(allowed).to.deep.equal([15, 5]);
  });

  it("are left alone while the company stays within its plan", async () => {
    const calm = openProcess();
    const lively = openProcess();
    await run(4, [
      [calm, 3],
      [lively, 5],
    ]);
    expect(calm.asked(100)).to.equal(2 * perSecond);
  });

  it("go by the plan alone while Redis is away", async () => {
    const [first, second] = [openProcess(), openProcess()];
    await run(4, [
      [first, 60],
      [second, 60],
    ]);
    redis.disconnect();
    const alone = await run(4, [[first, 60]]);
    await redis.connect();
    expect(alone.slice(1).map(([count]) => count)).to.deep.equal([perSecond, perSecond, perSecond]);
  });
});
