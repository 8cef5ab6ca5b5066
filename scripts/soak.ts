/** Many requests of many tenants at once, with aborts, timeouts and killed backends: does anybody see another's row? */
import { parseArgs } from "node:util";
import { runSoak } from "./soak/run-soak.ts";
import { fail } from "./terminal.ts";

const help = `Usage: npm run soak [-- options]

Interleaved requests of many tenants to a real runtime on servers of its own: reads, lists, writes, nested transactions,
requests given up half way, statements that take too long, and backends that are killed. Every row that anybody sees has to
carry its tenant's mark, and every write that was answered has to be there in the end, in its tenant and nowhere else.

  --requests N    how many (100000)
  --tenants N     of how many tenants (200)
  --seconds N     ends after so long, however many there were by then
  --pgbouncer     the runtime reaches PostgreSQL through PgBouncer in transaction mode
  --seed N        of the random moves; absent: another one each time, printed
  --json          the counts as one JSON line, and nothing else

Exit: 0 no leak, no lost write and no unexpected answer, 1 otherwise or the run broke, 2 wrong arguments.
`;

const options = {
  requests: { type: "string", default: "100000" },
  tenants: { type: "string", default: "200" },
  seconds: { type: "string", default: "86400" },
  pgbouncer: { type: "boolean", default: false },
  seed: { type: "string" },
  json: { type: "boolean", default: false },
  help: { type: "boolean", default: false },
} as const;
const values = readArguments();
const print = (line: string) => void process.stdout.write(`${line}\n`);

if (values.help) print(help);
else process.exitCode = await run().catch((error: unknown) => fail(error, 1));

function readArguments() {
  try {
    const { values: given } = parseArgs({ options });
    for (const name of ["requests", "tenants", "seconds", "seed"] as const)
      if (given[name] !== undefined && !/^[1-9]\d{0,8}$/.test(given[name]))
        throw new Error(`--${name}: a whole number`);
    if (Number(given.tenants) < 2) throw new Error("--tenants: at least 2");
    return given;
  } catch (error) {
    return fail(error, 2);
  }
}

async function run(): Promise<number> {
  const seed = Number(values.seed ?? 1 + Math.floor(Math.random() * 999_999));
  const say = values.json ? () => undefined : print;
  const [requests, tenants, pgbouncer] = [Number(values.requests), Number(values.tenants), values.pgbouncer];
  say(`soak: ${requests} requests of ${tenants} tenants${pgbouncer ? ", through PgBouncer" : ""}, seed ${seed}`);
  const { counts, faults } = await runSoak({
    requests,
    tenants,
    pgbouncer,
    seconds: Number(values.seconds),
    seed,
    say,
  });
  if (values.json) print(JSON.stringify({ seed, tenants, pgbouncer, ...counts, faults }));
  for (const fault of faults) say(`  ${fault}`);
  for (const [what, count] of Object.entries(counts)) say(`${String(count).padStart(9)} ${what}`);
  return counts.leaks + counts.lost + counts.unexpected === 0 && counts.rows > 0 ? 0 : 1;
}
