/** What the form of "Nova Empresa" says while it is filled in. */

const reach = 28;

/** As core/tenant.ts derives it: only a suggestion, the server has the last word. */
export function suggestSlug(name) {
  const folded = name
    .normalize("NFKD")
    .replace(/\p{M}/gu, "")
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-");
  return folded
    .replace(/^[^a-z]+/, "")
    .slice(0, reach)
    .replace(/-+$/, "");
}

/** Suggests a slug until the person writes their own, shows the addresses, and the chosen plan's modules. */
export function assist(form) {
  const { name, slug, domain, baseDomain, plan } = form.elements;
  let isOwn = slug.value !== "" && slug.value !== suggestSlug(name.value);
  name.addEventListener("input", () => {
    if (!isOwn) slug.value = suggestSlug(name.value);
    showAddresses(slug.value, baseDomain);
  });
  slug.addEventListener("input", () => {
    isOwn = slug.value !== "";
    showAddresses(slug.value, baseDomain);
  });
  baseDomain.addEventListener("input", () => showAddresses(slug.value, baseDomain));
  domain.addEventListener("change", () => (domain.value = bareDomain(domain.value)));
  plan.addEventListener("change", () => showPlan(plan.value));
  showPlan(plan.value);
  showAddresses(slug.value, baseDomain);
}

/** The request that a filled-in form makes, the same that tenant-form.ts makes of it. */
export function requestOf(form) {
  const value = (name) => form.elements[name].value.trim();
  const owner = { name: value("owner-name"), email: value("owner-email") };
  return {
    name: value("name"),
    domain: value("domain"),
    plan: value("plan"),
    ...(value("slug") ? { slug: value("slug") } : {}),
    ...(value("baseDomain") ? { baseDomain: value("baseDomain") } : {}),
    ...(value("onFailure") ? { onFailure: value("onFailure") } : {}),
    ...(value("locale") ? { locale: value("locale") } : {}),
    ...(owner.name || owner.email ? { owner } : {}),
  };
}

/** `https://www.Acme.com.br/loja` as people copy it → `www.acme.com.br`. */
function bareDomain(text) {
  return text
    .trim()
    .toLowerCase()
    .replace(/^https?:\/\//, "")
    .replace(/[/?#].*$/, "");
}

function showAddresses(slug, baseDomain) {
  const line = document.getElementById("addresses");
  line.hidden = slug === "";
  const base = baseDomain.value.trim() || baseDomain.placeholder;
  for (const code of line.querySelectorAll("[data-address]"))
    code.textContent = `${code.dataset.address}.${slug}.${base}`;
}

function showPlan(code) {
  for (const item of document.querySelectorAll("[data-plan]")) item.hidden = item.dataset.plan !== code;
}
