/** Pages: Handlebars with escaping always on, compiled once, read from views/. */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import Handlebars from "handlebars";
import { projectPath } from "../core/paths.ts";

export interface View<T extends object> {
  (data: T): string;
}

const readView = (name: string): string => readFileSync(projectPath("tenant-runtime", "views", `${name}.hbs`), "utf8");

/** @param name a file of views/ without its ending. Names the page does not know are errors, not blanks. */
export function compileView<T extends object>(name: string): View<T> {
  const handlebars = Handlebars.create();
  handlebars.registerPartial("layout", readView("layout"));
  const template = handlebars.compile<T>(readView(name), { strict: true });
  return (data) => template(data);
}

/** A Content-Security-Policy source that allows exactly this inline text. */
export const cspHash = (text: string): string => `'sha256-${createHash("sha256").update(text).digest("base64")}'`;
