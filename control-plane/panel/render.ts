/** Pages from Handlebars templates: read and compiled once, every value escaped, every text in the person's language. */
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import type { Request, Response } from "express";
import Handlebars, { type HelperOptions, type TemplateDelegate } from "handlebars";
import { projectPath } from "../../core/paths.ts";
import { hasRole, type Actor } from "../accounts/authenticate.ts";
import { chooseLocale, openLocales, type Locale, type Locales } from "./locale.ts";

export interface Page {
  /** Name of a file in views/. */
  readonly view: string;
  readonly title: string;
  readonly status?: number;
  /** The signed-in person; the header shows navigation only with one, and `mayChange` says whether they are no viewer. */
  readonly actor?: Actor | undefined;
  readonly model?: Readonly<Record<string, unknown>>;
}

export interface Views {
  readonly locales: Locales;
  render(page: Page, locale: Locale): string;
}

const folder = projectPath("control-plane", "panel", "views");

/** @throws Error when a template or a language file is missing or broken. */
export function openViews(assetBase: string): Views {
  const engine = Handlebars.create();
  registerHelpers(engine);
  for (const [name, source] of templatesIn(join(folder, "partials"))) engine.registerPartial(name, source);
  const views = new Map<string, TemplateDelegate>();
  for (const [name, source] of templatesIn(folder)) views.set(name, engine.compile(source));
  const locales = openLocales();
  return {
    locales,
    render({ view, title, actor, model }, locale) {
      const template = views.get(view);
      if (template === undefined) throw new Error(`there is no view ${view}`);
      const mayChange = actor !== undefined && hasRole(actor, "operator");
      const context = { ...model, title, actor, mayChange, language: locale.language, assets: assetBase };
      return template(context, { data: { locale } });
    },
  };
}

/** Sends a page. Pages hold a person's data: nothing on the way keeps them. */
export function sendPage(views: Views, { req, res }: { req: Request; res: Response }, page: Page): void {
  const locale = chooseLocale(views.locales, req);
  res
    .status(page.status ?? 200)
    .set({
      "Cache-Control": "no-store",
      "Content-Language": locale.language,
      Vary: "Accept-Language, Cookie",
      // Not helmet's no-referrer: it makes browsers send `Origin: null` with our own forms.
      "Referrer-Policy": "same-origin",
    })
    .type("html")
    .send(views.render(page, locale));
}

function registerHelpers(engine: typeof Handlebars): void {
  engine.registerHelper({
    t: (key: string, options: HelperOptions) =>
      localeOf(options).text(key, options.hash as Record<string, string | number>),
    money: (cents: number, options: HelperOptions) => localeOf(options).money(cents),
    moment: (when: string, options: HelperOptions) => localeOf(options).moment(new Date(when)),
    day: (when: string, options: HelperOptions) => localeOf(options).day(new Date(when)),
    until: (when: string, options: HelperOptions) => localeOf(options).until(new Date(when)),
    concat: (...parts: unknown[]) => parts.slice(0, -1).join(""),
    eq: (a: unknown, b: unknown) => a === b,
  });
}

const localeOf = (options: HelperOptions): Locale => (options.data as { locale: Locale }).locale;

function templatesIn(path: string): [name: string, source: string][] {
  const files = readdirSync(path).filter((file) => file.endsWith(".hbs"));
  return files.map((file) => [file.slice(0, -".hbs".length), readFileSync(join(path, file), "utf8")]);
}
