/** `/openapi.json`, and Swagger UI on `/docs`, served from its own package. */
import { createRequire } from "node:module";
import { dirname } from "node:path";
import express, { type Router } from "express";
import type { ControlContext } from "../context.ts";
import { publicUrl } from "../public-url.ts";
import { openApiDocument } from "./openapi.ts";
import type { Route } from "./route.ts";

export function mountDocs(router: Router, ctx: ControlContext, routes: readonly Route[]): void {
  const document = openApiDocument(routes, publicUrl(ctx.config));
  const assets = dirname(createRequire(import.meta.url).resolve("swagger-ui-dist/package.json"));
  router.get("/openapi.json", (_req, res) => void res.json(document));
  router.get("/docs/start.js", (_req, res) => void res.type("js").send(startScript));
  router.get("/docs", (_req, res) => void res.set("Content-Security-Policy", policy).type("html").send(page));
  router.use("/docs/assets", express.static(assets, { index: false, maxAge: "1d" }));
}

// Swagger UI sets inline styles and draws with data: images.
const policy = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'";

const page = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Secretária API</title>
<link rel="stylesheet" href="/docs/assets/swagger-ui.css">
<main id="docs"></main>
<script src="/docs/assets/swagger-ui-bundle.js"></script>
<script src="/docs/start.js"></script>
</html>
`;

const startScript = `SwaggerUIBundle({ url: "/openapi.json", dom_id: "#docs", deepLinking: true, persistAuthorization: false });\n`;
