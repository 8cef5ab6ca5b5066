/** People of different roles in front of the panel. */
import type { Page } from "playwright-core";
import { hashPassword } from "../../core/passwords.ts";
import { sendForm, type OpenPage, type PageOptions } from "./browser.ts";
import { adminEmail, adminPassword, type Platform } from "./platform.ts";

export interface PersonOptions extends PageOptions {
  /** Default: admin. */
  readonly role?: "viewer" | "operator" | "admin";
}

/** Signs in on the way to a path of the panel and answers with the page there. */
export type SignIn = (path: string, options?: PersonOptions) => Promise<Page>;

export function usePeople(platform: Platform, openPage: OpenPage): SignIn {
  return async (path, { role = "admin", ...options } = {}) => {
    const email = role === "admin" ? adminEmail : await personOf(platform, role);
    const page = await openPage(options);
    await page.goto(platform.api.url + path);
    await sendForm(page, "#login", { email, password: adminPassword });
    await page.waitForURL(platform.api.url + path);
    return page;
  };
}

/** The e-mail of a person of that role, with the admin's password; made when there is none yet. */
export async function personOf(platform: Platform, role: "viewer" | "operator"): Promise<string> {
  const email = `${role}@example.com`;
  const user = { email, name: `Pessoa ${role}`, password_hash: await hashPassword(adminPassword), role };
  await platform.ctx.db("users").insert(user).onConflict(platform.ctx.db.raw("(lower(email))")).ignore();
  return email;
}
