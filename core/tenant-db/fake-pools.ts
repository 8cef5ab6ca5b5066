/** Pools of connections that are none, for tests of who gets which. */
import { createAffinePool, type AffinePool, type AffinePoolOptions } from "./affine-pool.ts";

export interface Fake {
  readonly name: number;
  isClean: boolean;
  isClosed: boolean;
  readonly isDirect: boolean;
  canPipeline: boolean;
  isGathering: boolean;
}

export interface FakePools {
  /** In the order in which they were opened. */
  readonly opened: Fake[];
  /** Of connections that are opened from now on. */
  isDirect: boolean;
  /** Two connections at most, unless it says otherwise. */
  create(options?: Partial<AffinePoolOptions<Fake>>): AffinePool<Fake>;
  close(): Promise<void>;
}

export function fakePools(): FakePools {
  const all: AffinePool<Fake>[] = [];
  const pools: FakePools = {
    opened: [],
    isDirect: true,
    create(options = {}) {
      const pool = createAffinePool<Fake>({
        max: 2,
        open: async () => {
          const { isDirect } = pools;
          const name = pools.opened.length + 1;
          const fake = { name, isClean: true, isClosed: false, isDirect, canPipeline: true, isGathering: false };
          pools.opened.push(fake);
          return fake;
        },
        close: (fake) => void (fake.isClosed = true),
        measure: async () => 0,
        waitMs: 5_000,
        idleMs: 60_000,
        maxAgeMs: 60_000,
        maxUses: 1_000,
        ...options,
      });
      all.push(pool);
      return pool;
    },
    /** Whoever still has one gives it back. */
    async close() {
      const closing = Promise.all(all.map((pool) => pool.close()));
      for (let i = 0; i < 10; i += 1) {
        for (const pool of all) for (const fake of pools.opened) pool.release(fake);
        await new Promise(setImmediate);
      }
      await closing;
    },
  };
  return pools;
}
