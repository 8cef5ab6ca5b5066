/** Connections to the services, kept and bounded for each. */
import { Agent as HttpAgent } from "node:http";
import { Agent as HttpsAgent } from "node:https";
import type { GatewayRoute } from "../../core/gateway-routes.ts";

export interface Agents {
  /** One for each origin, however many routes lead there; the first route's bound counts. */
  agentFor(route: GatewayRoute): HttpAgent;
}

/** Below the five seconds after which Node's own servers close: a request must not meet a connection that is ending. */
const idleMs = 4_000;

export function createAgents(): Agents {
  const agents = new Map<string, HttpAgent>();
  return {
    agentFor({ target, maxConnections }) {
      const { origin, protocol } = new URL(target);
      const options = { keepAlive: true, maxSockets: maxConnections, timeout: idleMs };
      const agent = agents.get(origin) ?? (protocol === "https:" ? new HttpsAgent(options) : new HttpAgent(options));
      agents.set(origin, agent);
      return agent;
    },
  };
}
