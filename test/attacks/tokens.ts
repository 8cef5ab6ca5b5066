/** Tokens of others, and forged ones. */
import { createHmac, createPublicKey, generateKeyPairSync, randomUUID } from "node:crypto";
import { expect } from "chai";
import jwt from "jsonwebtoken";
import { tenantAudience } from "../../core/tenant.ts";
import { loadSigningKeys, type SigningKey } from "../../core/signing-keys.ts";
import type { Attack } from "./attack.ts";
import { isLetIn, refused } from "./token-attack.ts";
import { claimsOf, forge, type World } from "./world.ts";

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

export const tokenAttacks: readonly Attack[] = [...ofOthers, ...forged];
