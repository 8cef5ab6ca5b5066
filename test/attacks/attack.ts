/** What an attack is. Tables of them lie beside this file, one for each family. */
import type { World } from "./world.ts";

export interface Attack {
  readonly name: string;
  /** What stops it; scripts/mutate/ has at least one mutation of it. */
  readonly defence: string;
  /** The same on what is the attacker's own: it has to work, or a broken world would stop everything. */
  readonly control: (world: World) => Promise<unknown>;
  /** @throws (chai) when the attacker got anything. What is left to the victim is looked at after each attack. */
  readonly run: (world: World) => Promise<void>;
}

export interface Family {
  readonly name: string;
  readonly attacks: readonly Attack[];
}

/** Begins the message of a failure that says nothing about the defence. */
export const brokenWorld = "the attacker's own things do not work";
