import { setImmediate as turn, setTimeout as sleep } from "node:timers/promises";
import { expect } from "chai";
import { createRegistryCache, type Found } from "./registry-cache.ts";

type Answer = () => Promise<Found<string> | undefined>;

/** A cache before a registry whose next answers the test decides. */
function cacheOf(options: { ttlMs?: number; staleMs?: number } = {}) {
  const registry = { asked: 0, answer: (async () => ({ companyId: 1, value: "old" })) as Answer };
  const load = () => {
    registry.asked += 1;
    return registry.answer();
  };
  const cache = createRegistryCache<string>({ max: 100, ttlMs: 60_000, staleMs: 60_000, ...options, load });
  cache.restored();
  return { cache, registry };
}

const down: Answer = () => Promise.reject(Object.assign(new Error("down"), { code: "ECONNREFUSED" }));
const silent: Answer = () => new Promise(() => undefined);
const reason = (error: Error) => error.message;

describe("the registry's cache", () => {
  it("asks once for misses at one time, and again when something changed meanwhile", async () => {
    const { cache, registry } = cacheOf();
    let release = () => {};
    registry.answer = () => new Promise((resolve) => void (release = () => resolve({ companyId: 1, value: "old" })));
    const first = [cache.get("a"), cache.get("a")];
    expect(registry.asked).to.equal(1);
    const answerFirst = release;
    cache.changed(1);
    const second = cache.get("a");
    expect(registry.asked).to.equal(2);
    release();
    await second;
    answerFirst();
    expect(await Promise.all(first)).to.deep.equal(["old", "old"]);
  });

  it("serves known entries while the registry is down or silent, but no changed ones", async () => {
    for (const lost of [down, silent]) {
      const { cache, registry } = cacheOf();
      await cache.get("a");
      registry.answer = lost;
      cache.lost();
      await sleep(250);
      for (let i = 0; i < 3; i += 1) expect(await cache.get("a")).to.equal("old");
      expect(registry.asked, "those after the first are not made to wait").to.equal(2);
      cache.changed(1);
      registry.answer = down;
      expect(await cache.get("a").catch(reason)).to.equal("down");
    }
  });

  it("does not serve a changed entry while a silent registry is asked about it", async () => {
    const { cache, registry } = cacheOf();
    await cache.get("a");
    let fail = () => {};
    registry.answer = () => new Promise((_resolve, reject) => void (fail = () => void down().catch(reject)));
    cache.lost();
    await sleep(250);
    const asked = cache.get("a").catch(reason);
    await turn();
    cache.changed(1);
    await sleep(400);
    fail();
    expect(await asked).to.equal("down");
  });

  it("takes a silent registry for no proof of absence", async () => {
    const { cache, registry } = cacheOf();
    registry.answer = async () => undefined;
    expect(await cache.get("nobody")).to.equal(undefined);
    registry.answer = down;
    cache.lost();
    await sleep(250);
    for (const host of ["nobody", "never-seen"]) expect(await cache.get(host).catch(reason)).to.equal("down");
  });

  it("ends serving what is too old", async () => {
    const { cache, registry } = cacheOf({ ttlMs: 10, staleMs: 100 });
    await cache.get("a");
    registry.answer = down;
    await sleep(150);
    expect(await cache.get("a").catch(reason)).to.equal("down");
  });

  it("serves an entry for its time after the registry's last word, not after its query", async () => {
    // However long ago the registry was asked about that entry.
    const { cache, registry } = cacheOf({ ttlMs: 60_000, staleMs: 400 });
    await cache.get("a");
    registry.answer = down;
    await sleep(500);
    cache.lost();
    await sleep(250);
    expect(await cache.get("a")).to.equal("old");
    await sleep(200);
    expect(await cache.get("a").catch(reason)).to.equal("down");
  });

  it("asks again about everything once changes are heard again", async () => {
    const { cache, registry } = cacheOf();
    await cache.get("a");
    cache.lost();
    await sleep(250);
    registry.answer = async () => ({ companyId: 1, value: "new" });
    cache.restored();
    expect(await cache.get("a")).to.equal("new");
    expect(await cache.get("a")).to.equal("new");
    expect(registry.asked).to.equal(2);
  });
});
