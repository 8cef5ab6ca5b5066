/** Sessions that should have ended, links of others, and ways in that were used up. */
import { randomUUID } from "node:crypto";
import { expect } from "chai";
import type { Attack } from "./attack.ts";
import { isLetIn, meAt, refused } from "./token-attack.ts";
import { claimsOf, forge } from "./world.ts";

const sessions: readonly Attack[] = [
  refused("names a session that never was", "session of a token", {
    make: (world) => [forge(world, { like: world.b, changes: { sid: randomUUID() } })],
  }),
  refused("names a session of its own company", "session of a token", {
    make: (world) => [forge(world, { like: world.b, changes: { sid: claimsOf(world.a.token).sid } })],
  }),
  refused("names another person than the session's", "person of a token", {
    make: (world) => [forge(world, { like: world.b, changes: { sub: claimsOf(world.a.token).sub } })],
  }),
  ended("uses a session that was taken back", "revoked_at = now()", "sessions that were taken back"),
  ended("uses a session that is over", "expires_at = now() - interval '1 minute'", "sessions that are over"),
  {
    name: "uses the session of a person who was locked out",
    defence: "people who are locked out",
    control: isLetIn,
    async run(world) {
      const { platform, a } = world;
      const setActive = (active: boolean) => platform.query(`UPDATE tenant_${a.id}.users SET is_active = $1`, [active]);
      await setActive(false);
      try {
        expect((await meAt(world, a.api, a.token)).status).to.equal(401);
      } finally {
        await setActive(true);
      }
    },
  },
  refused("uses a token that was taken back", "tokens that were taken back", {
    at: "a",
    make: async (world) => {
      const token = forge(world, { like: world.a });
      const sql =
        "INSERT INTO revoked_tokens (jti, reason, expires_at) VALUES ($1, 'a test', now() + interval '1 hour')";
      await world.platform.query(sql, [claimsOf(token).jti]);
      return [token];
    },
  }),
];

function ended(name: string, change: string, defence: string): Attack {
  return refused(name, defence, {
    at: "a",
    make: async (world) => {
      const [row] = await world.platform.query<{ id: string }>(
        `INSERT INTO tenant_${world.a.id}.user_sessions (user_id, kind, expires_at)
         SELECT id, 'login', now() + interval '1 hour' FROM tenant_${world.a.id}.users RETURNING id`,
      );
      const token = forge(world, { like: world.a, changes: { sid: row?.id } });
      expect((await meAt(world, world.a.api, token)).status, "while the session lives").to.equal(200);
      await world.platform.query(`UPDATE tenant_${world.a.id}.user_sessions SET ${change} WHERE id = $1`, [row?.id]);
      return [token];
    },
  });
}

const links: readonly Attack[] = [
  {
    name: "sets the victim's password by its own set-up link",
    defence: "rights of a tenant's role",
    control: isLetIn,
    async run({ ask, a, b }) {
      const token = new URL(a.setupUrl).hash.slice(1);
      const body = { token, password: "uma frase bem longa" };
      for (const host of [b.api, b.chat])
        expect((await ask(host, "POST /v1/auth/setup", { body })).status).to.equal(401);
    },
  },
  {
    name: "refreshes at the victim's host",
    defence: "rights of a tenant's role",
    control: isLetIn,
    async run({ ask, a, b, platform }) {
      const sid = claimsOf(b.token).sid;
      for (const refreshToken of [`${sid}${"x".repeat(43)}`, `${claimsOf(a.token).sid}${"x".repeat(43)}`])
        expect((await ask(b.api, "POST /v1/auth/refresh", { body: { refreshToken } })).status).to.equal(401);
      // A guess at a set-up session is nobody's reused token: it must not end the session.
      const rows = await platform.query(`SELECT revoked_at FROM tenant_${b.id}.user_sessions WHERE id = $1`, [sid]);
      expect(rows).to.deep.equal([{ revoked_at: null }]);
    },
  },
  {
    name: "comes in twice by a way in that the platform's support was granted",
    defence: "a way in is good once",
    control: isLetIn,
    async run({ ask, a, platform }) {
      const { body } = await platform.api.post(`/api/tenants/${a.id}/impersonate`, { reason: "Chamado 4711" });
      const token = new URL(body.url).hash.slice(1);
      const enter = () => ask(a.chat, "POST /v1/auth/impersonate", { body: { token } });
      expect((await enter()).status, "the first time").to.equal(200);
      expect((await enter()).status, "the second time").to.equal(401);
    },
  },
];

export const signInAttacks: readonly Attack[] = [...sessions, ...links];
