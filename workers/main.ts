import { runProgram } from "../core/program.ts";
import { startWorkers } from "./start.ts";

await runProgram("workers", async (config, log, shutdown) => {
  await startWorkers(config, log, shutdown);
  return {};
});
