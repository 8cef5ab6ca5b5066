/** The panel's languages. Every text that a person reads comes from locales/*.json, by key. */
import { readFileSync } from "node:fs";
import type { Request } from "express";
import { projectPath } from "../../core/paths.ts";

export const languages = ["pt-BR", "en"] as const;
export type Language = (typeof languages)[number];

export interface Locale {
  readonly language: Language;
  /** The text of a key, with `{name}` filled in. @throws Error for a key that no language has: a fault of ours. */
  text(key: string, values?: Readonly<Record<string, string | number>>): string;
  /** The text of a key, or undefined: for keys made from data, such as a failure's code. */
  find(key: string): string | undefined;
  /** `R$ 99,00`. */
  money(cents: number): string;
  /** `22 de nov. de 2026, 10:31`, in the server's time zone; the browser rewrites it in its own. */
  moment(when: Date): string;
  /** `22/12/2026`, in the server's time zone as well. */
  day(when: Date): string;
  /** `30 dias`. */
  days(count: number): string;
  /** `12.345`. */
  count(count: number): string;
  /** `1,4 MB`. */
  bytes(count: number): string;
  /** `em 12 segundos`; what is over is `agora`. */
  until(when: Date, now?: number): string;
}

export type Locales = Readonly<Record<Language, Locale>>;

/** Reads all languages. @throws Error when one lacks a text that another has. */
export function openLocales(): Locales {
  const texts = Object.fromEntries(languages.map((language) => [language, readTexts(language)]));
  const all = new Set(Object.values(texts).flatMap((entries) => Object.keys(entries)));
  for (const language of languages) {
    const missing = [...all].filter((key) => texts[language]?.[key] === undefined);
    if (missing.length > 0) throw new Error(`locales/${language}.json lacks: ${missing.join(", ")}`);
  }
  const entries = languages.map((language) => [language, createLocale(language, texts[language] ?? {})]);
  return Object.fromEntries(entries) as Locales;
}

/** The languages by their own names; the first one is chosen when none of ours is. */
export function presentLanguages(chosen: string | undefined) {
  const known = languages.find((code) => code === chosen) ?? languages[0];
  return languages.map((code) => ({ code, name: ownNames[code], chosen: code === known }));
}

const ownNames: Readonly<Record<Language, string>> = { "pt-BR": "Português (Brasil)", en: "English" };

/** What the browser asks for among ours; Portuguese when it asks for neither. */
export function chooseLocale(locales: Locales, req: Request): Locale {
  const accepted = req.acceptsLanguages("pt-BR", "pt", "en");
  return locales[accepted === "en" ? "en" : "pt-BR"];
}

function createLocale(language: Language, texts: Readonly<Record<string, string>>): Locale {
  const currency = new Intl.NumberFormat(language, { style: "currency", currency: "BRL" });
  const dates = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "short" });
  const days = new Intl.DateTimeFormat(language, { dateStyle: language === "en" ? "medium" : "short" });
  const counts = new Intl.NumberFormat(language);
  const spans = new Intl.NumberFormat(language, { style: "unit", unit: "day", unitDisplay: "long" });
  const distances = new Intl.RelativeTimeFormat(language, { numeric: "auto" });
  const find = (key: string) => (Object.hasOwn(texts, key) ? texts[key] : undefined);
  return {
    language,
    find,
    text(key, values = {}) {
      const text = find(key);
      if (text === undefined) throw new Error(`no text has the key ${key}`);
      return text.replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole));
    },
    money: (cents) => currency.format(cents / 100),
    moment: (when) => dates.format(when),
    day: (when) => days.format(when),
    days: (count) => spans.format(count),
    count: (count) => counts.format(count),
    bytes: (count) => formatBytes(language, count),
    until(when, now = Date.now()) {
      const seconds = Math.max(0, Math.ceil((when.getTime() - now) / 1000));
      return seconds < 90 ? distances.format(seconds, "second") : distances.format(Math.round(seconds / 60), "minute");
    },
  };
}

function formatBytes(language: Language, count: number): string {
  const units = ["byte", "kilobyte", "megabyte", "gigabyte", "terabyte"] as const;
  const power = Math.min(units.length - 1, count < 1000 ? 0 : Math.floor(Math.log10(count) / 3));
  const style = { style: "unit", unit: units[power] ?? "byte", maximumFractionDigits: 1 } as const;
  return new Intl.NumberFormat(language, style).format(count / 1000 ** power);
}

function readTexts(language: Language): Record<string, string> {
  const path = projectPath("control-plane", "panel", "locales", `${language}.json`);
  return JSON.parse(readFileSync(path, "utf8")) as Record<string, string>;
}
