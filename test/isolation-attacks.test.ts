/** One company attacks another, in every way we know of, directly and through PgBouncer; `npm run mutate` proves the table. */
import { brokenWorld, type Attack } from "./attacks/attack.ts";
import { families } from "./attacks/families.ts";
import { openWorld, type World } from "./attacks/world.ts";
import { usePlatform } from "./support/platform.ts";

/** Attacks of the level `hardened` run where the environment says that the level holds. */
const level = process.env["ATTACK_LEVEL"] ?? "pooled";

type Way = "directly" | "pooled";

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
    for (const { name, attacks } of families) describe(name, () => attackBy(attacks, { way, world: () => world }));
  });
}

function attackBy(attacks: readonly Attack[], { way, world }: { way: Way; world: () => World }): void {
  for (const { name, control, run } of attacks.filter((attack) => whySkipped(attack, way) === undefined))
    it(name, async () => {
      await control(world()).catch((cause: Error) => {
        throw new Error(`${brokenWorld}: ${cause.message}`, { cause });
      });
      await run(world());
      await world().checkVictim();
    });
  const reasons = attacks.map((attack) => whySkipped(attack, way)).filter((reason) => reason !== undefined);
  for (const reason of new Set(reasons)) it.skip(`${reasons.filter((is) => is === reason).length} skipped: ${reason}`);
}

function whySkipped(attack: Attack, way: Way): string | undefined {
  if (attack.level === "hardened" && level !== "hardened") return 'only the level "hardened" holds them';
  return way === "pooled" ? attack.openThroughPooler : undefined;
}
