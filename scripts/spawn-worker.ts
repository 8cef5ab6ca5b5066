import { parseArgs } from "node:util";
import { z } from "zod";
import { createLogger } from "../core/logger.ts";
import { createShutdown, stopOnSignals } from "../core/shutdown.ts";
import { spawnWorker } from "../workers/spawn-worker.ts";
import { scriptConfig } from "./script-config.ts";
import { fail } from "./terminal.ts";

const help = `Usage: npm run spawn-worker -- --company-id 42 [--queue default] [--burst] [--worker-id x]

Runs one worker for one company until SIGTERM, SIGINT or the company's end.

  --company-id N   company to work for
  --queue NAME     queue to take jobs from (default: default)
  --burst          end as soon as the queue is empty
  --worker-id X    name in the registry, 1 to 64 of A-Z a-z 0-9 . _ - (default: a new UUID)
  --help           this text

Servers: DATABASE_URL and REDIS_URL, or the running embedded stack of DATA_DIR.
Exit: 0 ended in order, 1 could not start, 2 wrong arguments.
`;

const optionsSchema = z.object({
  companyId: z.coerce.number().int().positive(),
  queue: z.string().regex(/^[\w-]{1,64}$/),
  burst: z.boolean(),
  workerId: z
    .string()
    .regex(/^[\w.-]{1,64}$/)
    .optional(),
});

const options = readOptions();
const config = await scriptConfig().catch((error: unknown) => fail(error, 1));
const log = createLogger("spawn-worker", config.LOG_LEVEL);
const shutdown = createShutdown(log);
stopOnSignals(shutdown, log);
try {
  const { workerId, finished } = await spawnWorker(options, { config, log, shutdown });
  process.stdout.write(`worker ${workerId} works for company ${options.companyId} on queue ${options.queue}\n`);
  process.send?.({ type: "ready", workerId });
  const reason = await finished;
  await shutdown.run(reason);
  process.stdout.write(`worker ${workerId} ended: ${reason}\n`);
  process.exit(0);
} catch (error) {
  await shutdown.run("failed start");
  fail(error, 1);
}

function readOptions() {
  try {
    const { values } = parseArgs({
      options: {
        "company-id": { type: "string" },
        queue: { type: "string", default: "default" },
        burst: { type: "boolean", default: false },
        "worker-id": { type: "string" },
        help: { type: "boolean", default: false },
      },
    });
    if (values.help) {
      process.stdout.write(help);
      process.exit(0);
    }
    const { queue, burst } = values;
    return optionsSchema.parse({ companyId: values["company-id"], queue, burst, workerId: values["worker-id"] });
  } catch (error) {
    process.stderr.write(`${help}\n`);
    return fail(error, 2);
  }
}
