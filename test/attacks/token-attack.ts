/** What every attack by a token is made of. */
import { expect } from "chai";
import type { Attack } from "./attack.ts";
import { forge, type World } from "./world.ts";

export const meAt = ({ ask }: World, host: string, token: string) => ask(host, "GET /v1/me", { token });

/** A copy of the attacker's own token, made as good ones are made, is let in. */
export const isLetIn = async (world: World): Promise<void> => {
  const { status } = await meAt(world, world.a.api, forge(world, { like: world.a }));
  expect(status).to.equal(200);
};

/** None of the tokens is let in at the host of `at`, the victim's when absent. */
export const refused = (
  name: string,
  defence: string,
  { make, at = "b" }: { make: (world: World) => Promise<string[]> | string[]; at?: "a" | "b" },
): Attack => ({
  name,
  defence,
  control: isLetIn,
  async run(world) {
    for (const token of await make(world)) {
      const { status, body } = await meAt(world, world[at].api, token);
      expect(status, JSON.stringify(body)).to.be.oneOf([401, 403]);
      expect(body).not.to.have.property("user");
    }
  },
});
