/** Hosts that are spelt, doubled, forwarded or smuggled so that somebody else's company answers. */
import { expect } from "chai";
import type { RuntimeRequest } from "../support/runtime-client.ts";
import { until } from "../support/wait.ts";
import type { Attack } from "./attack.ts";
import { openPeople, peoplePassword } from "../support/people.ts";
import { openCompany, type World } from "./world.ts";

const answersItself = async ({ ask, a }: World): Promise<void> => {
  for (const plain of [false, true]) {
    const { status, body } = await ask(a.api, "GET /v1/tenant", { plain });
    expect([status, body.uuid]).to.deep.equal([200, a.uuid]);
  }
};

interface Try extends RuntimeRequest {
  readonly at: string;
  readonly what?: string;
}

/** The attacker's way to the runtime, and whoever answers: never the victim. */
const notTheVictim = (name: string, defence: string, tries: (world: World) => Try[]): Attack => ({
  name,
  defence,
  control: answersItself,
  async run(world) {
    const { ask, a, b } = world;
    for (const { at, what = "GET /v1/tenant", ...request } of tries(world)) {
      const label = `${at} ${what} ${JSON.stringify(request)}`;
      const answer = await ask(at, what, request).catch((error: Error) => error);
      if (answer instanceof Error) continue;
      expect(JSON.stringify(answer.body), label).not.to.include(b.uuid);
      if (answer.status === 200) expect(answer.body.uuid, label).to.equal(a.uuid);
    }
  },
});

/** Two readings of one request: it is refused, whoever is meant. */
const undecided = (name: string, defence: string, tries: (world: World) => Try[]): Attack => ({
  name,
  defence,
  control: answersItself,
  async run(world) {
    for (const { at, what = "GET /v1/tenant", ...request } of tries(world)) {
      const answer = await world.ask(at, what, request).catch(() => undefined);
      expect(answer?.status ?? 400, `${at} ${what} ${JSON.stringify(request)}`).to.be.oneOf([400, 404, 421]);
    }
  },
});

const both = (make: (plain: boolean) => Try[]): Try[] => [true, false].flatMap(make);

export const hostAttacks: readonly Attack[] = [
  undecided("sends two Hosts, its own first", "one Host", ({ a, b }) =>
    both((plain) => [{ at: a.api, plain, headers: { Host: [a.api, b.api] } }]),
  ),
  undecided("sends two Hosts, the victim's first", "one Host", ({ a, b }) =>
    both((plain) => [{ at: a.api, plain, headers: { Host: [b.api, a.api] } }]),
  ),
  undecided("sends its own Host twice", "one Host", ({ a }) =>
    both((plain) => [{ at: a.api, plain, headers: { Host: [a.api, a.api] } }]),
  ),
  undecided("names the victim in an absolute target", "relative targets", ({ a, b }) =>
    both((plain) =>
      [`http://${b.api}/v1/tenant`, `https://${b.api}/v1/tenant`].map((url) => ({
        at: a.api,
        what: `GET ${url}`,
        plain,
      })),
    ),
  ),
  undecided(
    "names itself in the handshake and the victim in the Host",
    "one name for handshake and Host",
    ({ a, b }) => [
      { at: b.api, servername: a.api },
      { at: b.chat, servername: a.chat },
    ],
  ),
  undecided(
    "names the victim in the handshake and itself in the Host",
    "one name for handshake and Host",
    ({ a, b }) => [{ at: a.api, servername: b.api }],
  ),
  undecided(
    "names its chat host in the handshake and its api host in the Host",
    "one name for handshake and Host",
    ({ a }) => [{ at: a.api, servername: a.chat }],
  ),
  notTheVictim("names the victim in forwarded headers", "Host alone decides", ({ a, b }) =>
    both((plain) =>
      [
        "X-Forwarded-Host",
        "X-Forwarded-Server",
        "X-Original-Host",
        "X-Host",
        "X-HTTP-Host-Override",
        "X-Tenant-ID",
        "X-Tenant",
      ]
        .map((header): Try => ({
          at: a.api,
          plain,
          headers: { [header]: header.includes("Tenant") ? String(b.id) : b.api },
        }))
        .concat({ at: a.api, plain, headers: { Forwarded: `host=${b.api};proto=https` } }),
    ),
  ),
  {
    name: "writes an address of its own, as a proxy would",
    defence: "trusted proxies",
    control: answersItself,
    async run({ ask, platform }) {
      const company = await openCompany(platform);
      const { owner } = await openPeople(ask, company);
      const sessionOf = async (address: string) => {
        const headers = { "X-Forwarded-For": address, Forwarded: `for=${address}`, "X-Real-IP": address };
        const body = { email: owner.email, password: peoplePassword };
        expect((await ask(company.api, "POST /v1/auth/login", { body, headers })).status).to.equal(200);
      };
      await sessionOf("203.0.113.9");
      const rows = await platform.query<{ ip: string }>(
        `SELECT DISTINCT host(ip) AS ip FROM tenant_${company.id}.user_sessions WHERE ip IS NOT NULL`,
      );
      expect(rows).to.deep.equal([{ ip: "127.0.0.1" }]);
    },
  },
  notTheVictim("names the victim in path and query", "Host alone decides", ({ a, b }) =>
    [
      `/v1/tenant?host=${b.api}&tenant=${b.id}&tenant_id=${b.id}`,
      `/v1/tenant/../tenant?x`,
      `//${b.api}/v1/tenant`,
      `/${b.api}/v1/tenant`,
    ].map((path) => ({ at: a.api, what: `GET ${path}` })),
  ),
  undecided("asks below, above and beside the victim's host", "exact hosts", ({ b }) =>
    [
      `x.${b.api}`,
      `api.${b.slug}`,
      `${b.slug}.localhost`,
      `www.${b.api}`,
      `${b.api}.evil.example`,
      `evil-${b.api}`,
      `api.${b.slug}.localhost.`.replace("api.", "api.."),
    ].map((at) => ({ at, plain: true })),
  ),
  undecided("hides the victim's host behind another", "exact hosts", ({ a, b }) =>
    [
      `${a.api}@${b.api}`,
      `${a.api},${b.api}`,
      `${b.api}#${a.api}`,
      `${b.api}/`,
      `${b.api}%00`,
      `${b.api}:80:80`,
      `${b.api}..`,
      `*.${b.slug}.localhost`,
    ].map((Host) => ({ at: a.api, plain: true, headers: { Host } })),
  ),
  {
    name: "spells its own host otherwise, to be somebody else or nobody",
    defence: "one spelling of a host",
    control: answersItself,
    async run({ ask, a }) {
      const spellings = [a.api.toUpperCase(), `${a.api}.`, `${a.api}:1`, `${a.api}:`, a.api.replace("api", "Api")];
      for (const Host of spellings) {
        const { status, body } = await ask(a.api, "GET /v1/tenant", { plain: true, headers: { Host } });
        expect([status, body.uuid], Host).to.deep.equal([200, a.uuid]);
      }
    },
  },
  undecided("sends no usable Host and hopes for a default company", "exact hosts", ({ a }) =>
    ["", "127.0.0.2", "[::1]", "nowhere.example", "localhost.localhost"].map((Host) => ({
      at: a.api,
      plain: true,
      headers: { Host },
    })),
  ),
  {
    name: "asks a company's host for the machine's metrics",
    defence: "loopback names",
    control: answersItself,
    async run({ ask, a, b }) {
      for (const path of ["/metrics", "/readyz", "/healthz"])
        for (const host of [a.api, b.chat])
          expect((await ask(host, `GET ${path}`)).status, `${host}${path}`).to.equal(404);
    },
  },
  {
    name: "asks one kind of host for what the other serves",
    defence: "kinds of hosts",
    control: answersItself,
    async run({ ask, a }) {
      for (const what of ["GET /v1/customers", "GET /v1/me", "GET /v1/tenant", "POST /v1/auth/login"])
        expect((await ask(a.chat, what, { token: a.token })).status, what).to.equal(404);
      for (const what of ["GET /messages", "GET /events"]) expect((await ask(a.api, what)).status, what).to.equal(404);
    },
  },
  {
    name: "gets a certificate with another company's names",
    defence: "certificates by exact name",
    control: answersItself,
    async run({ ask, a, b }) {
      for (const { api, chat, slug } of [a, b, a])
        for (const host of [api, chat]) {
          const names = (await ask(host, "GET /")).certifiedNames;
          expect(names).to.include(`DNS:${host}`);
          for (const name of names) expect(name).to.include(`.${slug}.`);
        }
    },
  },
  {
    name: "asks at the same moment as the victim, while neither is known",
    defence: "answers are kept by host",
    control: answersItself,
    async run({ ask, a, b, platform }) {
      for (let turn = 0; turn < 3; turn += 1) {
        // Both are looked up anew: a trigger tells of the change.
        await platform.query("UPDATE companies SET name = name WHERE id = ANY ($1)", [[a.id, b.id]]);
        const asked = [a, b, a, b].map(({ api }) => ask(api, "GET /v1/tenant", { plain: true }));
        const uuids = (await Promise.all(asked)).map(({ body }) => body.uuid);
        expect(uuids).to.deep.equal([a.uuid, b.uuid, a.uuid, b.uuid]);
      }
    },
  },
  {
    name: "goes on after the company was suspended",
    defence: "state of a company",
    control: answersItself,
    async run({ ask, platform }) {
      const { id, api, token } = await openCompany(platform);
      expect((await ask(api, "GET /v1/me", { token })).status).to.equal(200);
      const { status } = await platform.api.post(`/api/tenants/${id}/suspend`);
      expect(status).to.equal(202);
      const options = { what: "the runtime's 403", seconds: 8 };
      await until(
        async () => (await ask(api, "GET /v1/me", { token })).status,
        (is) => is === 403,
        options,
      );
    },
  },
];
