import { runProgram } from "../core/program.ts";
import { startControlPlane } from "./start.ts";

await runProgram("control-plane", async (config, log, shutdown) => {
  const { port, setupUrl } = await startControlPlane(config, log, shutdown);
  // Without a supervisor to hand the one-time link to, it goes to the terminal, never to the log.
  if (setupUrl !== undefined && process.send === undefined) process.stdout.write(`First admin: ${setupUrl}\n`);
  return { port, setupUrl };
});
