/** "Nova Empresa" as a form: its fields, and the request they make. assets/new-tenant.js makes the same one in the browser. */
import type { Form } from "./form.ts";

/** Empty fields are left out, so that the platform's defaults hold. */
export function requestOf(form: Form): Record<string, unknown> {
  const ownerName = form["owner-name"] ?? "";
  const ownerEmail = form["owner-email"] ?? "";
  return {
    name: form["name"] ?? "",
    domain: form["domain"] ?? "",
    plan: form["plan"] ?? "",
    ...(form["slug"] ? { slug: form["slug"] } : {}),
    ...(form["baseDomain"] ? { baseDomain: form["baseDomain"] } : {}),
    ...(form["onFailure"] ? { onFailure: form["onFailure"] } : {}),
    ...(form["locale"] ? { locale: form["locale"] } : {}),
    ...(ownerName || ownerEmail ? { owner: { name: ownerName, email: ownerEmail } } : {}),
  };
}
