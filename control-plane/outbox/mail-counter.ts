import { Counter } from "prom-client";

export type MailCounter = Counter<"kind" | "result">;

/** `secretaria_mails_total{kind,result}`: `sent`, `logged`, `skipped`, `deferred` (tried again) or `failed` (given up). */
export const createMailCounter = (): MailCounter =>
  new Counter({
    name: "secretaria_mails_total",
    help: "Attempts to deliver a mail, by what came of them.",
    labelNames: ["kind", "result"],
    // Made before the registry is; app.ts registers it.
    registers: [],
  });
