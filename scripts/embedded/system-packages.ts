/** Programs that npm cannot bring: found on PATH, or installed where we may. */
import { spawn } from "node:child_process";
import { access, constants, rm, writeFile } from "node:fs/promises";
import { delimiter, join } from "node:path";

export type SystemPackage = {
  command: string;
  /** Package names of Debian/Ubuntu and of Homebrew. */
  debian: string;
  brew: string;
  onProgress?: ((message: string) => void) | undefined;
};

const policyFile = "/usr/sbin/policy-rc.d";

/**
 * The path of the program. Missing and we are root on Debian or Ubuntu: installs the package, without starting or enabling the
 * distribution's own service.
 * @throws Error with the command to type, where it cannot be installed from here.
 */
export async function ensureSystemPackage(wanted: SystemPackage): Promise<string> {
  const found = await findOnPath(wanted.command);
  if (found) return found;
  const aptGet = await findOnPath("apt-get");
  if (!aptGet || process.getuid?.() !== 0) throw new Error(await advice(wanted, aptGet !== undefined));
  await install(aptGet, wanted);
  const installed = await findOnPath(wanted.command);
  if (installed) return installed;
  throw new Error(
    `The package ${wanted.debian} is installed, but there is no ${wanted.command} on PATH (${process.env["PATH"]}).`,
  );
}

async function findOnPath(command: string): Promise<string | undefined> {
  const folders = [
    ...(process.env["PATH"] ?? "").split(delimiter),
    "/usr/local/sbin",
    "/usr/sbin",
    "/opt/homebrew/bin",
  ];
  for (const folder of folders.filter(Boolean)) {
    const path = join(folder, command);
    if (
      await access(path, constants.X_OK).then(
        () => true,
        () => false,
      )
    )
      return path;
  }
  return undefined;
}

async function advice({ command, debian, brew }: SystemPackage, debianLike: boolean): Promise<string> {
  const way = debianLike
    ? `sudo apt-get install -y ${debian}`
    : process.platform === "darwin" || (await findOnPath("brew"))
      ? `brew install ${brew}`
      : `install the package of ${command} with your system's package manager`;
  return `${command} is not installed on this machine. To install it: ${way}`;
}

async function install(aptGet: string, { debian, onProgress }: SystemPackage): Promise<void> {
  onProgress?.(`installing the system package ${debian} (once)`);
  // Old package lists are better than none: whether they do is for the installation to say.
  await run(aptGet, ["update"]).catch((error: Error) => onProgress?.(error.message));
  const lifted = await forbidServices();
  try {
    const patience = ["-o", "DPkg::Lock::Timeout=120"];
    await run(aptGet, [...patience, "install", "-y", "--no-install-recommends", debian]);
    // Not started now, it must not come up at the next boot either. A package without a service answers with an error.
    await run("systemctl", ["disable", `${debian}.service`]).catch(() => undefined);
  } finally {
    await lifted();
  }
}

/**
 * dpkg asks /usr/sbin/policy-rc.d before it starts a service (RUNLEVEL=1 is heard by old init scripts only, not by systemd). A policy
 * that is there stays as it is, since it is the administrator's. Ours denies only while this process lives: were it killed
 * half-way, the file left behind would allow everything.
 */
async function forbidServices(): Promise<() => Promise<void>> {
  const script = `#!/bin/sh\n# Left by a Secretária that was killed: may be deleted.\nkill -0 ${process.pid} 2>/dev/null && exit 101\nexit 0\n`;
  try {
    await writeFile(policyFile, script, { mode: 0o755, flag: "wx" });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return async () => undefined;
    throw error;
  }
  return () => rm(policyFile, { force: true });
}

function run(command: string, args: string[]): Promise<void> {
  return new Promise((resolve, reject) => {
    const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
    const child = spawn(command, args, { env, stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    child.stdout.on("data", (chunk) => (output += chunk));
    child.stderr.on("data", (chunk) => (output += chunk));
    child.once("error", reject);
    child.once("close", (code) => {
      if (code === 0) resolve();
      else reject(new Error(`${command} ${args.join(" ")} failed (code ${code}):\n${output.trim().slice(-2000)}`));
    });
  });
}
