import { expect } from "chai";
import { createDedicatedPools } from "./dedicated-pools.ts";
import type { TenantConnection } from "./tenant-connection.ts";
import type { TenantConnections } from "./tenant-connections.ts";
import type { Scope } from "./scope.ts";

describe("the pools of companies with a login of their own", () => {
  const closed: number[] = [];
  const opened: number[] = [];
  let refusal: Error | undefined;
  beforeEach(() => {
    closed.length = 0;
    opened.length = 0;
    refusal = undefined;
  });
  const scope = {} as Scope;
  const open = (tenant: number): TenantConnections => {
    opened.push(tenant);
    return {
      lend: () => (refusal ? Promise.reject(refusal) : Promise.resolve({} as TenantConnection)),
      run: () => Promise.reject(refusal ?? new Error("nothing runs here")),
      takeBack: () => undefined,
      lost: () => undefined,
      close: async () => void closed.push(tenant),
    };
  };
  const use = async (lender: TenantConnections) => lender.takeBack(await lender.lend(scope));

  it("are opened when they are needed, and the one used longest ago makes room", async () => {
    const pools = createDedicatedPools({ max: 2, open });
    const [one, two, three] = [1, 2, 3].map((id) => pools.connectionsOf(id)) as [
      TenantConnections,
      TenantConnections,
      TenantConnections,
    ];
    expect(opened).to.deep.equal([]);
    for (const lender of [one, two, one, three]) await use(lender);
    expect([opened, closed, pools.tenants()]).to.deep.equal([[1, 2, 3], [2], [3, 1]]);
    await use(two);
    expect(opened, "the same handle opens it again").to.deep.equal([1, 2, 3, 2]);
    await pools.close();
    expect(closed).to.have.members([2, 1, 3, 2]);
  });

  it("are closed only when they are not in use any more", async () => {
    const pools = createDedicatedPools({ max: 1, open });
    const first = pools.connectionsOf(1);
    const held = await first.lend(scope);
    await use(pools.connectionsOf(2));
    expect(closed).to.deep.equal([]);
    first.takeBack(held);
    expect(closed).to.deep.equal([1]);
    first.takeBack(held);
    expect(closed, "given back twice").to.deep.equal([1]);
    await pools.close();
  });

  it("answer 'service-unavailable' before the login exists, and pass other errors on", async () => {
    const pools = createDedicatedPools({ max: 1, open });
    const lender = pools.connectionsOf(1);
    refusal = Object.assign(new Error("password authentication failed"), { code: "28P01" });
    const refused = await lender.lend(scope).catch((error: unknown) => error);
    expect(refused).to.include({ code: "service-unavailable", retryAfterSeconds: 2 });
    refusal = new Error("something else");
    expect(await lender.lend(scope).catch((error: unknown) => error)).to.equal(refusal);
    refusal = undefined;
    await use(pools.connectionsOf(2));
    expect(closed, "a refusal holds no pool open").to.deep.equal([1]);
    await pools.close();
  });
});
