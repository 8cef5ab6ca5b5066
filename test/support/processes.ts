import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, readdirSync } from "node:fs";

/** Ids of living processes that have the text in their command line or, on Linux, in their environment. */
export function processesOf(text: string): string[] {
  if (!existsSync("/proc/self/environ")) {
    const lines = execFileSync("ps", ["-axww", "-o", "pid=,command="], { encoding: "utf8" }).split("\n");
    return lines.filter((line) => line.includes(text)).map((line) => line.trim().split(" ")[0] ?? "");
  }
  const others = readdirSync("/proc").filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid);
  return others.filter((pid) => {
    try {
      const isZombie = /^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
      return (
        !isZombie && ["cmdline", "environ"].some((file) => readFileSync(`/proc/${pid}/${file}`, "utf8").includes(text))
      );
    } catch {
      // It ended while we looked.
      return false;
    }
  });
}
