/** What happens in tenants, brought to the pages that are open. A tenant without an open page costs no connection. */
import { AppError } from "../core/errors.ts";
import type { Redis } from "../core/redis.ts";
import { compareEventIds, eventsAfter, followEvents, newestEventId, type TenantEvent } from "./event-reader.ts";
import type { RegistrySubscriber } from "../core/registry-listener.ts";

export interface EventListener {
  readonly conversationId: string;
  /** Where a listener that was here before stopped; undefined for "from now on". */
  readonly after: string | undefined;
  readonly deliver: (event: TenantEvent) => void;
  /** No more events will come from here; connect again. */
  readonly end: () => void;
}

/** A change of a company ends its streams: whoever comes back is asked again whether the company is served. */
export interface TenantEvents extends RegistrySubscriber {
  /**
   * From the moment this resolves nothing of the conversation is missed or delivered twice, until the answered function
   * is called. @throws AppError `too-many-requests`; what ioredis throws when Redis is not there.
   */
  listen(companyId: number, listener: EventListener): Promise<() => void>;
  close(): void;
}

interface Subscription extends EventListener {
  /** Events that came while the past was still being read; undefined from then on. */
  held: TenantEvent[] | undefined;
  last: string;
}

interface Hub {
  readonly subscriptions: Set<Subscription>;
  readonly started: Promise<{ close(): void }>;
}

const streamsPerTenant = 200;
const streamsPerConversation = 8;

/** @param openReader makes a connection that may wait for the server without limit. */
export function openTenantEvents(redis: Redis, openReader: () => Redis): TenantEvents {
  const hubs = new Map<number, Hub>();
  let closed = false;

  const openHub = (companyId: number): Hub => {
    const subscriptions = new Set<Subscription>();
    const deliver = (event: TenantEvent) => subscriptions.forEach((subscription) => offer(subscription, event));
    const started = newestEventId(redis, companyId).then((from) =>
      followEvents(openReader(), companyId, { from, deliver }),
    );
    const hub = { subscriptions, started };
    hubs.set(companyId, hub);
    return hub;
  };

  const leave = (companyId: number, hub: Hub, subscription: Subscription) => {
    if (!hub.subscriptions.delete(subscription) || hub.subscriptions.size > 0) return;
    hubs.delete(companyId);
    hub.started.then(
      (reader) => reader.close(),
      () => undefined,
    );
  };

  const endAll = (hub: Hub | undefined) => hub?.subscriptions.forEach((subscription) => subscription.end());

  return {
    async listen(companyId, listener) {
      const hub = hubs.get(companyId) ?? openHub(companyId);
      const subscription: Subscription = { ...listener, held: [], last: listener.after ?? "0-0" };
      const refused = closed || isFull(hub, listener.conversationId);
      hub.subscriptions.add(subscription);
      try {
        if (refused) throw tooManyStreams();
        await hub.started;
        const past = listener.after === undefined ? [] : await eventsAfter(redis, companyId, listener.after);
        const held = subscription.held ?? [];
        subscription.held = undefined;
        for (const event of [...past, ...held]) offer(subscription, event);
      } catch (error) {
        leave(companyId, hub, subscription);
        throw error;
      }
      return () => leave(companyId, hub, subscription);
    },
    changed: (companyId) => endAll(hubs.get(companyId)),
    lost: () => undefined,
    restored: () => undefined,
    close() {
      closed = true;
      for (const hub of hubs.values()) endAll(hub);
    },
  };
}

function isFull({ subscriptions }: Hub, conversationId: string): boolean {
  if (subscriptions.size >= streamsPerTenant) return true;
  const own = [...subscriptions].filter((subscription) => subscription.conversationId === conversationId);
  return own.length >= streamsPerConversation;
}

function offer(subscription: Subscription, event: TenantEvent): void {
  if (event.conversationId !== subscription.conversationId) return;
  if (subscription.held !== undefined) {
    subscription.held.push(event);
    return;
  }
  if (compareEventIds(event.id, subscription.last) <= 0) return;
  subscription.last = event.id;
  subscription.deliver(event);
}

const tooManyStreams = () =>
  new AppError("too-many-requests", "Close other windows of this page, or come back in a minute.", {
    retryAfterSeconds: 30,
  });
