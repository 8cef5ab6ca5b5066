/** Hosts that are spelt, doubled, forwarded or smuggled so that somebody else's company answers. */
import { expect } from "chai";
import type { RuntimeRequest } from "../support/runtime-client.ts";
import type { Attack } from "./attack.ts";
import { answersItself } from "./serving.ts";
import type { World } from "./world.ts";

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
];
