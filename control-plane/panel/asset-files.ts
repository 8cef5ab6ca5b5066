/** Styles, scripts and the icon, under an address that changes when any of them does, so that browsers may keep them. */
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import express, { type Router } from "express";
import { projectPath } from "../../core/paths.ts";
import { sha256Hex } from "../../core/secrets.ts";

const folder = projectPath("control-plane", "panel", "assets");

/** `/assets/<version>`; scripts import each other by relative path and so stay in one version. */
export function assetBase(): string {
  const contents = readdirSync(folder)
    .toSorted()
    .map((name) => readFileSync(join(folder, name), "utf8"));
  return `/assets/${sha256Hex(contents.join("\0")).slice(0, 12)}`;
}

export function serveAssets(router: Router, base: string): void {
  router.use(base, express.static(folder, { index: false, redirect: false, immutable: true, maxAge: "365d" }));
}
