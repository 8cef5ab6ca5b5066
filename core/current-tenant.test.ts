import { expect } from "chai";
import { setTimeout as sleep } from "node:timers/promises";
import { currentTenant, findCurrentTenant, runAsTenant } from "./current-tenant.ts";

const tenant = (id: number) => ({ id, uuid: `uuid-${id}`, slug: `slug-${id}` });

describe("the current tenant", () => {
  it("is absent outside of a request or a job", () => {
    expect(() => currentTenant()).to.throw("no tenant is served here");
    expect(findCurrentTenant()).to.equal(undefined);
  });

  it("follows each piece of work through its awaits, whatever runs beside it", async () => {
    const seen = await Promise.all(
      Array.from({ length: 50 }, (_, id) =>
        runAsTenant(tenant(id), async () => {
          await sleep(id % 7);
          const first = currentTenant().id;
          const inner = await runAsTenant(tenant(id + 1000), async () => {
            await sleep(1);
            return currentTenant().id;
          });
          return [first, inner, currentTenant().id];
        }),
      ),
    );
    expect(seen).to.deep.equal(seen.map((_, id) => [id, id + 1000, id]));
    expect(findCurrentTenant()).to.equal(undefined);
  });
});
