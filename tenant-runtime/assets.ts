/** Scripts, styles and pictures of the pages, read once and served from memory. */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { Router } from "express";
import { AppError } from "../core/errors.ts";
import { projectPath } from "../core/paths.ts";

const types = {
  "page.css": "text/css; charset=utf-8",
  "chat.js": "text/javascript; charset=utf-8",
  "setup.js": "text/javascript; charset=utf-8",
  "impersonate.js": "text/javascript; charset=utf-8",
  "icon.svg": "image/svg+xml",
} as const;

export type AssetName = keyof typeof types;

export interface Assets {
  /** Address that changes with the content, so that browsers may keep what is behind it for good. */
  url(name: AssetName): string;
  readonly routes: Router;
}

export function loadAssets(): Assets {
  const files = new Map(Object.entries(types).map(([name, type]) => [name, { type, ...readAsset(name) }]));
  const routes = Router().get("/assets/:name", (req, res) => {
    const file = files.get(req.params.name);
    if (file === undefined) throw new AppError("not-found", "There is no such file.");
    const isNamedByContent = req.query["v"] === file.version;
    res
      .set("Cache-Control", isNamedByContent ? "public, max-age=31536000, immutable" : "public, max-age=60")
      .set("ETag", `"${file.version}"`)
      .set("Content-Type", file.type)
      .send(file.content);
  });
  return { routes, url: (name) => `/assets/${name}?v=${files.get(name)?.version ?? ""}` };
}

function readAsset(name: string): { content: Buffer; version: string } {
  const content = readFileSync(projectPath("tenant-runtime", "assets", name));
  return { content, version: createHash("sha256").update(content).digest("hex").slice(0, 16) };
}
