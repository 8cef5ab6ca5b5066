/** `npm run check`'s look at the migrations, without a database. Exit: 0 no error, 1 errors, 2 wrong arguments. */
import { renderFinding } from "../core/migrations/lint/finding.ts";
import { lintMigrations } from "../core/migrations/lint/lint-migrations.ts";

const [flag, ...more] = process.argv.slice(2);
if (more.length > 0 || (flag !== undefined && flag !== "--json")) {
  process.stderr.write("Usage: tsx scripts/lint-migrations.ts [--json]\n");
  process.exit(2);
}
const findings = await lintMigrations();
const text =
  flag === "--json" ? `${JSON.stringify(findings, null, 2)}\n` : findings.map((f) => `${renderFinding(f)}\n`).join("");
process.stdout.write(text);
process.exitCode = findings.some(({ level }) => level === "error") ? 1 : 0;
