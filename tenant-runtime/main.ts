import { runProgram } from "../core/program.ts";
import { startRuntime } from "./start.ts";

await runProgram("tenant-runtime", async (config, log, shutdown) => {
  const { httpPort, httpsPort } = await startRuntime(config, log, shutdown);
  return { httpPort, httpsPort };
});
