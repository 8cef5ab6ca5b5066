/** What a host serves, and to whom: the machine's own pages, kinds of hosts, certificates, answers that are kept, states. */
import { expect } from "chai";
import { openPeople, peoplePassword } from "../support/people.ts";
import { until } from "../support/wait.ts";
import type { Attack } from "./attack.ts";
import { openCompany, type World } from "./world.ts";

export const answersItself = async ({ ask, a }: World): Promise<void> => {
  for (const plain of [false, true]) {
    const { status, body } = await ask(a.api, "GET /v1/tenant", { plain });
    expect([status, body.uuid]).to.deep.equal([200, a.uuid]);
  }
};

export const servingAttacks: readonly Attack[] = [
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
      const both = Array.from({ length: 8 }, (_, n) => (n % 2 === 0 ? a : b));
      for (let turn = 0; turn < 15; turn += 1) {
        // Both are looked up anew: a trigger tells of the change.
        await platform.query("UPDATE companies SET name = name WHERE id = ANY ($1)", [[a.id, b.id]]);
        const asked = both.map(({ api }) => ask(api, "GET /v1/tenant", { plain: true }));
        const uuids = (await Promise.all(asked)).map(({ body }) => body.uuid);
        expect(uuids).to.deep.equal(both.map(({ uuid }) => uuid));
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
