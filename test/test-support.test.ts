/** The tests' own helpers: a wait whose outcome cannot come any more ends at once, and says what it saw. */
import { expect } from "chai";
import { runCli, startCli } from "./support/cli.ts";
import { usePlatform } from "./support/platform.ts";
import { schemaRefusal, withoutNewSchemas } from "./support/refused-schema.ts";
import { tenantAt } from "./support/tenant-waits.ts";

describe("test support", () => {
  const platform = usePlatform({ workers: true });
  /** Returns the error's message. */
  const failureOf = (work: Promise<unknown>): Promise<string> =>
    work.then(
      () => expect.fail("it did not fail"),
      (error: Error) => error.message,
    );

  it("createTenant throws the status and the body of a refusal", async () => {
    const message = await failureOf(platform.createTenant({ plan: "no-such-plan" }));
    expect(message).to.include("answered 422").and.include("plan-unknown");
  });

  it("becomes() ends at once with the failed resource when the tenant failed", async () => {
    const tenant = await withoutNewSchemas(platform, () => platform.createTenant({ onFailure: "hold" }));
    const message = await failureOf(tenant.becomes("active", { seconds: 600 }));
    expect(message).to.include("'active' cannot follow from 'failed'").and.include("database failed");
    expect(message).to.include(schemaRefusal).and.include("last acts: tenant.requested");
    await tenant.becomes("failed");
  });

  it("becomes() ends at once when the tenant was deleted, or never was", async () => {
    const tenant = await platform.createTenant();
    await tenant.becomesReady();
    await tenant.purge();
    await tenant.becomes("deleted");
    expect(await failureOf(tenant.becomes("suspended"))).to.include("'suspended' cannot follow from 'deleted'");
    expect(await failureOf(tenant.becomesReady())).to.include("every resource ready cannot follow from 'deleted'");
    const unknown = tenantAt(platform.api, "no-such-tenant", tenant.operation);
    const message = await failureOf(unknown.becomes("active"));
    expect(message).to.include("'404 tenant-not-found'").and.include("operation provision: succeeded");
  });

  it("becomes() names the status and every resource when the time is over", async () => {
    const tenant = await platform.createTenant();
    await tenant.becomesReady();
    const message = await failureOf(tenant.becomes("suspended", { seconds: 0.1 }));
    expect(message).to.include("was active").and.include("database ready").and.include("last acts:");
  });

  it("runCli ends a program that is late and throws what it had printed", async () => {
    const { id } = await platform.createTenant();
    const message = await failureOf(
      runCli("scripts/spawn-worker", ["--company-id", String(id)], { platform, timeoutSeconds: 8 }),
    );
    expect(message).to.match(/^scripts\/spawn-worker --company-id \d+ did not end in 8 s; it had printed:\n[^]*worker/);
  });

  it("prints() throws the output at once when the program ended without it", async () => {
    const running = startCli("scripts/tenant", ["--help"], { platform });
    const message = await failureOf(running.prints(/no such line/, { seconds: 600 }));
    expect(message).to.include("scripts/tenant ended with 0:\n").and.include("Usage");
  });
});
