/** One company attacks another, in every way we know of, directly and through PgBouncer; `npm run mutate` proves the table. */
import { brokenWorld, type Attack } from "./attacks/attack.ts";
import { families } from "./attacks/families.ts";
import { openWorld, type World } from "./attacks/world.ts";
import { usePlatform } from "./support/platform.ts";

for (const way of ["directly", "pooled"] as const) {
  describe(`attacks ${way}:`, () => {
    const platform = usePlatform({
      runtime: true,
      workers: true,
      ...(way === "pooled" ? { pooledConnections: 4 } : {}),
    });
    let world: World;
    before(async () => void (world = await openWorld(platform)));
    after(() => world?.close());
    for (const { name, attacks } of families) describe(name, () => attackBy(attacks, () => world));
  });
}

function attackBy(attacks: readonly Attack[], world: () => World): void {
  for (const { name, control, run } of attacks)
    it(name, async () => {
      await control(world()).catch((cause: Error) => {
        throw new Error(`${brokenWorld}: ${cause.message}`, { cause });
      });
      await run(world());
      await world().checkVictim();
    });
}
