/** How an app on Secretária's tenants is tested: a database of its own, real tenants, tokens without a sign-in. */
import assert from "node:assert/strict";
import { fork } from "node:child_process";
import { once } from "node:events";
import { request, type IncomingMessage } from "node:http";
import { test } from "node:test";
import { createTestTenancy } from "secretaria/tenant-runtime/testing";

// Without URLs the kit starts servers of its own.
const { TEST_DATABASE_URL: databaseUrl, TEST_REDIS_URL: redisUrl, TEST_MASTER_KEY: masterKey } = process.env;

await test("each company sees its own orders", async () => {
  const kit = await createTestTenancy({ databaseUrl, redisUrl, masterKey });
  const { options } = kit;
  const app = fork(new URL("./orders-app.js", import.meta.url), {
    env: { PORT: "0", DATABASE_URL: options.databaseUrl, REDIS_URL: options.redisUrl, MASTER_KEY: options.masterKey },
    stdio: ["ignore", "pipe", "inherit", "ipc"],
  });
  try {
    const [line] = (await once(app.stdout ?? app, "data")) as [Buffer];
    const port = Number(/\d+/.exec(line.toString())?.[0]);
    const [acme, zeta] = await Promise.all([kit.createTenant(), kit.createTenant()]);
    await acme.db("customers").insert({ name: "Ana", phone: "+5511987654321" });
    const token = await kit.tokenFor(acme);

    const order = { customer: "Ana Maria", phone: "+5511987654321", cents: 1990 };
    assert.equal(await send({ port, method: "POST", host: acme.apiHost, token }, order), 201);
    assert.deepEqual(await acme.db("customers").pluck("name"), ["Ana Maria"]);
    assert.equal((await acme.db("orders").select()).length, 1);
    assert.equal((await zeta.db("orders").select()).length, 0);
    assert.equal(await send({ port, method: "GET", host: zeta.apiHost, token }), 403);
  } finally {
    app.kill();
    await kit.close();
  }
});

/** The answer's status. Not by fetch, which does not let a program write the Host header. */
async function send(to: { port: number; method: string; host: string; token: string }, body?: object): Promise<number> {
  const { port, method, host, token } = to;
  const headers = { Host: host, Authorization: `Bearer ${token}`, "Content-Type": "application/json" };
  const sent = request({ host: "127.0.0.1", port, method, path: "/shop/orders", headers });
  sent.end(body && JSON.stringify(body));
  const [answer] = (await once(sent, "response")) as [IncomingMessage];
  answer.resume();
  return answer.statusCode ?? 0;
}
