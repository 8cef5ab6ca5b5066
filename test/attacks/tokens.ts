/** Tokens of others, forged ones, and ones that should have ended. */
import { createHmac, createPublicKey, generateKeyPairSync, randomUUID } from "node:crypto";
import { expect } from "chai";
import jwt from "jsonwebtoken";
import { tenantAudience } from "../../core/tenant.ts";
import { loadSigningKeys, type SigningKey } from "../../core/signing-keys.ts";
import type { Attack } from "./attack.ts";
import { claimsOf, forge, type World } from "./world.ts";

const meAt = ({ ask }: World, host: string, token: string) => ask(host, "GET /v1/me", { token });

/** A copy of the attacker's own token, made as good ones are made, is let in. */
const isLetIn = async (world: World): Promise<void> => {
  const { status } = await meAt(world, world.a.api, forge(world, { like: world.a }));
  expect(status).to.equal(200);
};

/** None of the tokens is let in at the host of `at`, the victim's when absent. */
const refused = (
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

const encode = (part: object): string => Buffer.from(JSON.stringify(part)).toString("base64url");

async function signingKey({ platform }: World): Promise<SigningKey> {
  const [key] = await loadSigningKeys(platform.ctx.db, platform.ctx.secrets, "tenant");
  return key as SigningKey;
}

/** With the platform's own key for tenants: what is wrong is wrong in header or claims. */
async function signed(world: World, changes: object, header: object = {}): Promise<string> {
  const { kid, privateKey } = await signingKey(world);
  const claims = { ...claimsOf(world.b.token), ...changes };
  return jwt.sign(claims, privateKey, { header: { alg: "ES256", kid, ...header } });
}

const ofOthers: readonly Attack[] = [
  refused("uses its own token at the victim's host", "audience of a token", { make: ({ a }) => [a.token] }),
  refused("uses a token for its own company that names the victim's number", "audience of a token", {
    make: (world) => [forge(world, { like: world.b, audience: tenantAudience(world.a.uuid) })],
  }),
  refused("uses a token for the victim's company that names its own number", "tenant_id of a token", {
    make: (world) => [forge(world, { like: world.b, changes: { tenant_id: world.a.id } })],
  }),
  refused("names the victim's number as text", "tenant_id of a token", {
    make: (world) => [forge(world, { like: world.b, changes: { tenant_id: String(world.b.id) } })],
  }),
  refused("uses a list of audiences", "signature of a token", {
    make: (world) => {
      const [header, , signature] = world.a.token.split(".") as [string, string, string];
      const aud = [tenantAudience(world.a.uuid), tenantAudience(world.b.uuid)];
      return [`${header}.${encode({ ...claimsOf(world.a.token), aud, tenant_id: world.b.id })}.${signature}`];
    },
  }),
  refused("uses the platform administrator's token", "signature of a token", {
    make: ({ platform }) => [platform.api.token],
  }),
  refused("signs the victim's claims with the platform's key", "signature of a token", {
    make: ({ platform, b }) => {
      const { exp: _exp, jti: _jti, aud: _aud, iat: _iat, iss: _iss, ...own } = claimsOf(b.token) as any;
      return [platform.ctx.platformTokens.sign(own, tenantAudience(b.uuid), 600).token];
    },
  }),
  {
    name: "uses its own token at the platform's API",
    defence: "signature of a token",
    control: isLetIn,
    async run({ platform, a }) {
      const headers = { Authorization: `Bearer ${a.token}` };
      for (const path of ["/api/tenants", "/api/plans", "/api/audit"])
        expect((await platform.api.request("GET", path, { anonymous: true, headers })).status, path).to.equal(401);
    },
  },
];

const forged: readonly Attack[] = [
  refused("changes the claims and keeps the signature", "signature of a token", {
    make: ({ a, b }) => {
      const [header, , signature] = a.token.split(".") as [string, string, string];
      return [`${header}.${encode(claimsOf(b.token))}.${signature}`];
    },
  }),
  refused("signs nothing: alg none", "algorithm of a token", {
    make: ({ b }) => {
      const { kid } = jwt.decode(b.token, { complete: true })!.header;
      const [, payload, signature] = b.token.split(".") as [string, string, string];
      return ["none", "None", "NONE", ""].flatMap((alg) => {
        const text = `${encode({ alg, typ: "JWT", kid })}.${payload}`;
        return [`${text}.`, `${text}.${signature.slice(0, -4)}`];
      });
    },
  }),
  refused("signs by HMAC with the public key as the secret", "algorithm of a token", {
    make: async (world) => {
      const { kid, publicKey } = await signingKey(world);
      const payload = world.b.token.split(".")[1];
      const key = createPublicKey(publicKey);
      const secrets = [
        publicKey,
        publicKey.trim(),
        key.export({ type: "spki", format: "der" }),
        JSON.stringify(key.export({ format: "jwk" })),
      ];
      return secrets.flatMap((secret) =>
        (["HS256", "HS512"] as const).map((alg) => {
          const text = `${encode({ alg, typ: "JWT", kid })}.${payload}`;
          return `${text}.${createHmac(alg.replace("HS", "sha"), secret).update(text).digest("base64url")}`;
        }),
      );
    },
  }),
  refused("brings its own key in the header", "key of a token", {
    make: (world) => {
      const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
      const jwk = publicKey.export({ format: "jwk" });
      const pem = publicKey.export({ type: "spki", format: "pem" });
      const headers = [{ jwk }, { jku: "https://example.com/keys" }, { x5c: [pem] }, {}];
      return headers.map((header) =>
        jwt.sign(claimsOf(world.b.token), privateKey, {
          header: { alg: "ES256", kid: "mine", ...header } as jwt.JwtHeader,
        }),
      );
    },
  }),
  refused("names a key that is not there", "key of a token", {
    make: async (world) => {
      const kids = ["", "__proto__", "constructor", "../../etc/passwd", "' OR 1=1 --", randomUUID()];
      return Promise.all(kids.map((kid) => signed(world, {}, { kid })));
    },
  }),
  refused("cuts or doubles parts of the token", "signature of a token", {
    make: ({ b }) => {
      const [header, payload, signature] = b.token.split(".") as [string, string, string];
      return [
        `${header}.${payload}.`,
        `${header}.${payload}`,
        `${header}..${signature}`,
        `${b.token}.${signature}`,
        `${payload}.${header}.${signature}`,
      ];
    },
  }),
  refused("uses a token of another issuer", "issuer of a token", {
    make: async (world) => [await signed(world, { iss: "somebody else" })],
  }),
  refused("uses a token that is over", "end of a token", {
    make: (world) => [forge(world, { like: world.b, seconds: -5 })],
  }),
  refused("uses a token of another type", "type of a token", {
    make: (world) => [forge(world, { like: world.b, changes: { type: "refresh" } })],
  }),
];

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
];

export const tokenAttacks: readonly Attack[] = [...ofOthers, ...forged, ...sessions, ...links];
