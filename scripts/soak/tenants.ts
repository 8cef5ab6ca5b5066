/** Companies whose every row carries their mark. */
import { runQuery } from "../../test/support/servers.ts";
import { insist } from "../chaos/client.ts";
import type { SoakSite } from "./site.ts";

export interface SoakTenant {
  readonly id: number;
  readonly uuid: string;
  readonly slug: string;
  readonly host: string;
  readonly token: string;
  readonly rows: readonly string[];
}

const rowsEach = 20;
const atOnce = 6;

/** What is soaked is not the limits: whoever is refused sees nobody's rows. */
const plan = {
  code: "soak",
  name: "Soak",
  priceCents: 0,
  limits: { requests_per_second: 100_000, concurrent_requests: 100_000 },
};

/** Made through the API, a few at a time; served from then on. */
export async function makeTenants(site: SoakSite, count: number): Promise<SoakTenant[]> {
  const tenants: SoakTenant[] = [];
  let next = 0;
  const work = async () => {
    while (next < count) tenants.push(await makeTenant(site, ++next));
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  return tenants.sort((a, b) => a.id - b.id);
}

async function makeTenant({ client, databaseUrl }: SoakSite, n: number): Promise<SoakTenant> {
  const slug = `soak-${n}`;
  const body = { name: `Soak ${n}`, domain: `${slug}.com.br`, plan, slug };
  const made = await insist(() => client, { method: "POST", path: "/api/tenants/provision", body, key: slug });
  if (made.status !== 201) throw new Error(`${slug} was answered ${made.status}: ${JSON.stringify(made.body)}`);
  const { tenant, initialToken } = made.body as {
    tenant: { id: number; uuid: string; hosts: { kind: string; host: string }[] };
    initialToken: { token: string };
  };
  const rows = await runQuery<{ id: string }>(
    databaseUrl,
    `INSERT INTO tenant_${tenant.id}.customers (name, metadata)
     SELECT 'row ' || n, jsonb_build_object('of', $1::text) FROM generate_series(1, ${rowsEach}) n RETURNING id`,
    [slug],
  );
  const host = tenant.hosts.find(({ kind }) => kind === "api")?.host ?? "";
  return { id: tenant.id, uuid: tenant.uuid, slug, host, token: initialToken.token, rows: rows.map(({ id }) => id) };
}
