import type { Context } from "../core/context.ts";
import type { Knex } from "../core/db.ts";
import type { TokenService } from "../core/tokens.ts";
import type { Issuer } from "./domains/certificate-issuer.ts";
import type { DnsProvider } from "./domains/dns-provider.ts";
import type { MailCounter } from "./outbox/mail-counter.ts";
import type { WarmPool } from "./warm-pool/warm-pool.ts";

/** What the control plane's functions are given first. */
export interface ControlContext extends Context {
  /** Name of this process as a lease holder. */
  readonly instance: string;
  /** Signs and checks the platform's own tokens. */
  readonly platformTokens: TokenService;
  /** Signs the first token of a new company; the runtime checks it. */
  readonly tenantTokens: TokenService;
  readonly dns: DnsProvider;
  readonly issuer: Issuer;
  /** Connections for catalog work: few, because each keeps every relation it met in memory, and apart from small queries. */
  readonly ddl: Knex;
  /** Shown on /metrics. */
  readonly mails: MailCounter;
  /** Owner role's URL: migrations open connections of their own. */
  readonly databaseUrl: string;
  readonly redisUrl: string;
  /** Work that goes on after its request was answered; a stopping process waits for it. */
  readonly background: Set<Promise<unknown>>;
  readonly warmPool: WarmPool;
}
