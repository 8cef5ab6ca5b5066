/** What tests need from the system besides Redis; the file that needs one installs it where it is missing. */
import type { SystemPackage } from "../../scripts/embedded/system-packages.ts";

export const chromiumPackage: SystemPackage = { command: "chromium", debian: "chromium", brew: "--cask chromium" };

export const pgbouncerPackage: SystemPackage = { command: "pgbouncer", debian: "pgbouncer", brew: "pgbouncer" };
