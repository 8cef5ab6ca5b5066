/** Mails from Handlebars templates, read and compiled once. HTML is escaped, plain text is not. */
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import Handlebars, { type TemplateDelegate } from "handlebars";
import { projectPath } from "../../core/paths.ts";
import type { CompanyRow } from "../lifecycle/tenant-store.ts";

export interface WrittenMail {
  readonly subject: string;
  readonly text: string;
  readonly html: string;
}

/** @throws Error for a template that is not there, and for a value that it needs and is not given. */
export type MailTemplates = (
  name: string,
  locale: CompanyRow["locale"],
  values: Readonly<Record<string, string | number | null>>,
) => WrittenMail;

const folder = projectPath("control-plane", "outbox", "templates");

/** `<name>.<locale>.txt.hbs` begins with a line `Subject: …`; `<name>.<locale>.html.hbs` is the same as a page. */
export function openMailTemplates(): MailTemplates {
  const texts = compileAll(".txt.hbs", { noEscape: true });
  const pages = compileAll(".html.hbs", { noEscape: false });
  return (name, locale, values) => {
    const [text, page] = [texts.get(`${name}.${locale}`), pages.get(`${name}.${locale}`)];
    if (text === undefined || page === undefined) throw new Error(`there is no mail ${name} in ${locale}`);
    const written = text({ ...values, locale });
    const end = written.indexOf("\n");
    const subject = written.slice(0, end).replace(/^Subject: /, "");
    return { subject, text: written.slice(end).trimStart(), html: page({ ...values, locale, subject }) };
  };
}

function compileAll(ending: string, options: { noEscape: boolean }): Map<string, TemplateDelegate> {
  const engine = Handlebars.create();
  const names = readdirSync(folder).filter((file) => file.endsWith(ending));
  const sources = names.map(
    (file) => [file.slice(0, -ending.length), readFileSync(join(folder, file), "utf8")] as const,
  );
  for (const [name, source] of sources) if (name === "layout") engine.registerPartial(name, source);
  return new Map(
    sources
      .filter(([name]) => name !== "layout")
      .map(([name, source]) => [name, engine.compile(source, { ...options, strict: true })]),
  );
}
