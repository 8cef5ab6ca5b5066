import type { RequestHandler } from "express";
import { Counter, Histogram, Registry, collectDefaultMetrics } from "prom-client";
import { countAnswer, type AnswerCounts } from "./answer-counts.ts";

export interface Metrics {
  readonly registry: Registry;
  readonly service: string;
  readonly requestLatency: Histogram<"service" | "method" | "route">;
  readonly requests: Counter<"service" | "method" | "route" | "status">;
  readonly authErrors: Counter<"service">;
}

/** One registry per process; names as mission M7 states them. Latency in seconds. */
export function createMetrics(service: string): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  return {
    registry,
    service,
    requestLatency: new Histogram({
      name: "http_request_latency_seconds",
      help: "Time from the request's first byte to the answer's last.",
      labelNames: ["service", "method", "route"],
      buckets: [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
      registers: [registry],
    }),
    requests: new Counter({
      name: "http_requests_total",
      help: "Requests answered.",
      labelNames: ["service", "method", "route", "status"],
      registers: [registry],
    }),
    authErrors: new Counter({
      name: "auth_errors_total",
      help: "Requests refused for who asked: 401 and 403.",
      labelNames: ["service"],
      registers: [registry],
    }),
  };
}

/** Counts every answer under its route's pattern, never its path: paths have no bound. */
export function measureRequests(metrics: Metrics, answers?: AnswerCounts): RequestHandler {
  return (req, res, next) => {
    const started = performance.now();
    res.once("finish", () => {
      const route = (req.route as { path?: string } | undefined)?.path;
      const labels = {
        service: metrics.service,
        method: req.method,
        route: route ? `${req.baseUrl}${route}` : "unmatched",
      };
      if (answers !== undefined) countAnswer(answers, res.statusCode);
      metrics.requestLatency.observe(labels, (performance.now() - started) / 1000);
      metrics.requests.inc({ ...labels, status: String(res.statusCode) });
      if (res.statusCode === 401 || res.statusCode === 403) metrics.authErrors.inc({ service: metrics.service });
    });
    next();
  };
}

export function serveMetrics(metrics: Metrics): RequestHandler {
  return async (_req, res) => {
    res.type(metrics.registry.contentType).send(await metrics.registry.metrics());
  };
}
