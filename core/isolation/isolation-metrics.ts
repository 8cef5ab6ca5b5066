import { Gauge, type Registry } from "prom-client";
import { isolationLevels, type Isolation } from "./probe.ts";

/** `secretaria_isolation_level{level}` is 1 for the level that held, `secretaria_isolation_attack_held{attack}` 1 or 0. */
export function measureIsolation(registry: Registry, { level, held, failed }: Isolation): void {
  const levels = new Gauge({
    name: "secretaria_isolation_level",
    help: "1 for the level of isolation that the start-up probe proved.",
    labelNames: ["level"],
    registers: [registry],
  });
  for (const one of isolationLevels) levels.set({ level: one }, one === level ? 1 : 0);
  const attacks = new Gauge({
    name: "secretaria_isolation_attack_held",
    help: "1 for each of the start-up probe's attacks that was stopped, 0 for each that succeeded.",
    labelNames: ["attack"],
    registers: [registry],
  });
  for (const attack of held) attacks.set({ attack }, 1);
  for (const { name } of failed) attacks.set({ attack: name }, 0);
}
