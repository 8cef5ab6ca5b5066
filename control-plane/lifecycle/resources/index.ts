import type { Resource } from "../resource.ts";
import { archive } from "./archive.ts";
import { cache } from "./cache.ts";
import { certificate } from "./certificate.ts";
import { database } from "./database.ts";
import { dns } from "./dns.ts";
import { owner } from "./owner.ts";
import { queue } from "./queue.ts";
import { worker } from "./worker.ts";

/** Everything a tenant owns. */
export const ownedResources: readonly Resource[] = [database, cache, queue, owner, dns, certificate, worker];

/** Everything the loop walks: what is owned, and what is kept of it when it goes. */
export const resources: readonly Resource[] = [...ownedResources, archive];
