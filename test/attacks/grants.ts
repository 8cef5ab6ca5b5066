/** What a plan or a group of people does not grant. */
import { expect } from "chai";
import { openPeople } from "../support/people.ts";
import type { Attack } from "./attack.ts";
import { openCompany, type World } from "./world.ts";

const worksWithCustomers = async ({ ask, a }: World): Promise<void> => {
  for (const what of ["GET /v1/customers", "GET /v1/users"])
    expect((await ask(a.api, what, { token: a.token })).status, what).to.equal(200);
};

export const grantAttacks: readonly Attack[] = [
  {
    name: "uses a module that its plan does not have",
    defence: "modules of a plan",
    control: worksWithCustomers,
    async run({ ask, platform }) {
      const [small, mute] = [await openCompany(platform, ["chat"]), await openCompany(platform, ["crm"])];
      const customers = await ask(small.api, "GET /v1/customers", { token: small.token });
      const message = await ask(mute.chat, "POST /messages", { body: { text: "Olá" } });
      for (const { status, body } of [customers, message])
        expect([status, body.code]).to.deep.equal([403, "module-not-in-plan"]);
    },
  },
  {
    name: "does as a member without a group what owners do",
    defence: "permissions of a person",
    control: worksWithCustomers,
    async run({ ask, platform }) {
      const company = await openCompany(platform);
      const people = await openPeople(ask, company);
      const { token } = await people.invite();
      const body = { name: "Nova" };
      for (const [what, more] of [
        ["GET /v1/customers", {}],
        ["POST /v1/customers", { body }],
        ["GET /v1/users", {}],
        ["POST /v1/users", { body: { name: "Amiga", email: "amiga@exemplo.com", role: "owner" } }],
        ["POST /v1/groups", { body: { name: "Nosso", permissions: ["customers:read"] } }],
      ] as const) {
        const answer = await ask(company.api, what, { token, ...more });
        expect([answer.status, answer.body.code], what).to.deep.equal([403, "not-allowed"]);
      }
    },
  },
];
