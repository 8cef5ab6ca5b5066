import { createInterface } from "node:readline/promises";
import { UsageError } from "./command.ts";

/** Asks on the terminal; anything but `yes` is no. @throws UsageError where nobody can be asked: say --yes there. */
export async function confirm(question: string): Promise<boolean> {
  if (!process.stdin.isTTY) throw new UsageError(`${question} Nobody can be asked here: say --yes.`);
  const prompt = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return (await prompt.question(`${question} Type yes to go on: `)).trim().toLowerCase() === "yes";
  } finally {
    prompt.close();
  }
}
