/** One company attacks another, in every way we know of, directly and through PgBouncer; `npm run mutate` proves the table. */
import { brokenWorld, type Attack } from "./attacks/attack.ts";
import { families } from "./attacks/families.ts";
import { openWorld, type World } from "./attacks/world.ts";
import { usePlatform } from "./support/platform.ts";
import { sampleOf } from "./support/size.ts";

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
    // Through PgBouncer a third of each family in npm test: what differs there is the connection, not the attack.
    const chosen = (attacks: readonly Attack[]) => (way === "pooled" ? sampleOf(attacks, 3) : attacks);
    for (const { name, attacks } of families) describe(name, () => attackBy(chosen(attacks), () => world));
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
