import { loadConfig } from "../core/config.ts";
import { useTenantMigrations } from "../core/migrations/folders.ts";
import { startStack, type Stack } from "./stack.ts";
import { fail } from "./terminal.ts";

const help = `Usage: npm start

Brings up Secretária on this machine: PostgreSQL and Redis of its own (unless DATABASE_URL and REDIS_URL name others),
control plane, tenant runtime and workers. Ctrl-C stops all of it; the data stays in DATA_DIR.

  DATA_DIR            folder of data and keys (.data)
  DATABASE_URL        a PostgreSQL of yours, as a role that may create schemas and roles
  REDIS_URL           a Redis of yours, as a user that may administer ACLs
  CONTROL_PLANE_PORT  panel and API (4000)
  RUNTIME_HTTP_PORT   tenants over HTTP (8080)
  RUNTIME_HTTPS_PORT  tenants over HTTPS (8443)
  BASE_DOMAIN         domain of the tenants' hosts (localhost)
  ADMIN_EMAIL, ADMIN_PASSWORD   make the first admin without the one-time link
  WARM_TENANTS        schemas kept ready ahead of the next companies (0)
  TENANT_MIGRATIONS   folder with more migrations of tenants' schemas (docs/MIGRATIONS.md)
  DELETION_GRACE_DAYS how long a deleted company is kept before it is removed (30)
  SMTP_URL            where mails to owners are handed in; without it they are log events
  LOG_LEVEL           fatal, error, warn, info, debug (warn)
`;

if (process.argv.includes("--help")) {
  process.stdout.write(help);
  process.exit(0);
}

const started = performance.now();
const say = (line: string) => process.stderr.write(`${line}\n`);
let stack: Stack | undefined;
let interrupted = false;

async function stop(): Promise<void> {
  if (interrupted) return;
  interrupted = true;
  if (stack === undefined) return;
  say("stopping …");
  await stack.stop();
  say("stopped; the data stays where it is");
  process.exit(0);
}
process.on("SIGINT", () => void stop());
process.on("SIGTERM", () => void stop());
// A closed terminal is a request to stop as well.
process.on("SIGHUP", () => void stop());

try {
  const config = loadConfig(process.env);
  useTenantMigrations(config.TENANT_MIGRATIONS);
  stack = await startStack({
    config,
    env: { LOG_LEVEL: "warn", ...process.env },
    onProgress: (line) => say(`· ${line}`),
    onLog: (_program, line) => say(line),
  });
  if (interrupted) {
    await stack.stop();
    process.exit(0);
  }
  say(`· ready after ${((performance.now() - started) / 1000).toFixed(1)} s`);
  process.stdout.write(banner(stack, { email: config.ADMIN_EMAIL, baseDomain: config.BASE_DOMAIN }));
} catch (error) {
  fail(error, 1);
}

function banner(
  { connection, setupUrl }: Stack,
  { email, baseDomain }: { email: string | undefined; baseDomain: string },
): string {
  const api = connection.controlPlaneUrl;
  const port = new URL(connection.runtimeHttpsUrl).port;
  const firstAdmin = setupUrl ? `  First admin   ${setupUrl}   (once, within a day)\n` : "";
  const login = `{"email":"${email ?? "you@example.com"}","password":"…"}`;
  return `
  Panel         ${api}/
  API           ${api}/api   (${api}/docs, ${api}/openapi.json)
  Tenants       https://chat.<slug>.${baseDomain}:${port}  https://api.<slug>.${baseDomain}:${port}
${firstAdmin}
  Provision a company:

    TOKEN=$(curl -s ${api}/api/auth/login -H 'Content-Type: application/json' \\
      -d '${login}' | node -pe 'JSON.parse(fs.readFileSync(0)).accessToken')
    curl -i ${api}/api/tenants/provision -H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json' \\
      -d '{"name":"Acme Ltda","domain":"acme.com.br","plan":"basic","slug":"acme"}'

  Ctrl-C stops everything.

`;
}
