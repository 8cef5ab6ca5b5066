import type { Config } from "../core/config.ts";

/** Address of the control plane as people see it, without a slash at the end. */
export const publicUrl = (config: Config): string =>
  (config.PUBLIC_URL ?? `http://localhost:${config.CONTROL_PLANE_PORT}`).replace(/\/+$/, "");
