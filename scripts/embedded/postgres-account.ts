/** Which system user PostgreSQL runs as, and a folder that this user can work in. */
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { chmod, chown, mkdir, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { promisify } from "node:util";

const execute = promisify(execFile);

/** `ids` is empty for ourselves. */
export type Account = { name: string; ids: { uid?: number; gid?: number } };

/** Ourselves; for root, whom PostgreSQL refuses, the system user `postgres`, made when missing. */
export async function findPostgresAccount(): Promise<Account> {
  if (process.getuid?.() !== 0) return { name: "this user", ids: {} };
  const found = await idsOf("postgres");
  if (found) return { name: "postgres", ids: found };
  try {
    await execute("useradd", [
      "--system",
      "--user-group",
      "--no-create-home",
      "--shell",
      "/usr/sbin/nologin",
      "postgres",
    ]);
  } catch (error) {
    throw new Error(
      "PostgreSQL does not run as root and the system user `postgres` could not be made. " +
        "Make it yourself (`useradd --system --user-group postgres`) or start as a normal user.",
      { cause: error },
    );
  }
  const made = await idsOf("postgres");
  if (!made) throw new Error("The system user `postgres` was made, but `id postgres` does not know it.");
  return { name: "postgres", ids: made };
}

/** May this account use the path (`-x`, `-w` as in test(1))? Asked as that account, for modes alone do not tell (ACLs, mounts). */
export async function canUse(account: Account, mode: "-x" | "-w", path: string): Promise<boolean> {
  return execute("test", [mode, path], { ...account.ids, cwd: "/" }).then(
    () => true,
    () => false,
  );
}

/** Makes an empty folder of mode 0700 that belongs to the account; one that exists is left as it is. */
export async function makeFolderFor(account: Account, path: string): Promise<void> {
  await mkdir(path, { mode: 0o700 });
  if (account.ids.uid !== undefined && account.ids.gid !== undefined)
    await chown(path, account.ids.uid, account.ids.gid);
}

/**
 * The folder below which the account's data can lie: DATA_DIR, when the account can get there. DATA_DIR itself is opened for passing
 * through (not for listing; the secrets in it are 0600), the folders above it belong to somebody else and are never touched: below
 * a closed one such as /root, the data goes to /var/lib/secretaria/<hash of DATA_DIR>.
 */
export async function findHome(
  account: Account,
  dataDir: string,
  onProgress: (message: string) => void,
): Promise<string> {
  await mkdir(dataDir, { recursive: true, mode: 0o711 });
  if (account.ids.uid === undefined || (await canUse(account, "-x", dataDir))) return dataDir;
  if (await canUse(account, "-x", dirname(dataDir))) {
    await chmod(dataDir, (await stat(dataDir)).mode | 0o011);
    if (await canUse(account, "-x", dataDir)) return dataDir;
  }
  const home = join("/var/lib/secretaria", createHash("sha256").update(dataDir).digest("hex").slice(0, 16));
  onProgress(`${account.name} may not enter ${dataDir}: PostgreSQL's data lies in ${home}`);
  await mkdir(home, { recursive: true });
  // A strict umask would have closed both again.
  await Promise.all([chmod(dirname(home), 0o711), chmod(home, 0o711)]);
  return home;
}

async function idsOf(name: string): Promise<{ uid: number; gid: number } | undefined> {
  try {
    const [uid, gid] = await Promise.all([execute("id", ["-u", name]), execute("id", ["-g", name])]);
    return { uid: Number(uid.stdout), gid: Number(gid.stdout) };
  } catch {
    return undefined;
  }
}
