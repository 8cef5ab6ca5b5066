/** Sends "Nova Empresa" to the API and turns this page into the new company's, with its steps live. */
import { assist, requestOf } from "./company-form.js";
import { followCompany } from "./live.js";
import { fetchPage, showPage } from "./page.js";
import { enhance } from "./panel.js";

// Long enough for the answer to carry the first token, short enough that the steps are live while something hangs.
const waitSeconds = 3;
const patience = 5;

const form = document.getElementById("new-tenant");
const sending = document.getElementById("sending");
const failure = document.getElementById("failed");
const problem = document.getElementById("send-problem");
let isSending = false;

assist(form);
form.addEventListener("submit", (event) => {
  // Wrong fields: the server says which, in words, on the page it answers with.
  if (!form.elements.name.value.trim() || !form.elements.domain.value.trim()) return;
  event.preventDefault();
  if (!isSending) void create();
});

async function create() {
  showSending(true);
  const answer = await send(JSON.stringify(requestOf(form)));
  if (answer?.ok) await showCompany(await answer.json());
  else if (answer?.status === 409 || answer?.status === 422) form.submit();
  else if (answer?.status !== 502 || !(await explainFailure(answer)))
    showProblem({ undefined: "network", 401: "signedOut", 403: "notAllowed" }[answer?.status] ?? "serverFault");
}

/** What failed is told by the page of the company, which is gone. False for a 502 of something on the way to the server. */
async function explainFailure(answer) {
  const { instance } = await answer.json().catch(() => ({}));
  if (typeof instance !== "string") return false;
  const operation = await fetch(instance)
    .then((found) => found.json())
    .catch(() => undefined);
  const found = operation && (await fetchPage(`/tenants/${operation.tenantId}`));
  if (!found?.isGone) return false;
  showFailure(found.page);
  return true;
}

function showFailure(page) {
  showSending(false);
  const told = page.getElementById("what-failed");
  failure.querySelector("#what-failed").replaceChildren(...(told?.childNodes ?? []));
  failure.hidden = false;
  document.getElementById("failed-title").focus();
}

/** The key in the form makes a repeated request safe, so what was lost on the way is simply sent again. */
async function send(body, attempt = 1) {
  const headers = {
    "Content-Type": "application/json",
    "Idempotency-Key": form.elements.key.value,
    Prefer: `wait=${waitSeconds}`,
  };
  const answer = await fetch("/api/tenants/provision", { method: "POST", headers, body }).catch(() => undefined);
  const isRunning = answer?.status === 409 && (await answer.clone().json()).code === "idempotency-in-progress";
  if ((answer !== undefined && !isRunning) || attempt >= patience) return answer;
  await new Promise((resolve) => setTimeout(resolve, attempt * 500));
  return send(body, attempt + 1);
}

function showSending(on) {
  isSending = on;
  problem.hidden = true;
  failure.hidden = true;
  document.getElementById("problems")?.remove();
  form.hidden = on;
  sending.hidden = !on;
  if (on) document.getElementById("sending-title").focus();
}

function showProblem(name) {
  showSending(false);
  problem.textContent = form.dataset[name];
  problem.hidden = false;
  document.getElementById("create").focus();
}

/** The form is kept aside: when the company cannot be made after all, it comes back as it was filled in. */
async function showCompany({ tenant, initialToken, setupUrl, worker }) {
  const address = `/tenants/${tenant.id}`;
  const found = await fetchPage(address);
  if (found === undefined) {
    location.assign(address);
    return;
  }
  if (found.isGone) {
    showFailure(found.page);
    return;
  }
  const access = document.getElementById("access-template").content.cloneNode(true);
  fillAccess(access, { initialToken, setupUrl, worker });
  const content = document.getElementById("content");
  const kept = { nodes: [...content.childNodes], className: content.className, title: document.title };
  showPage(found.page);
  document.getElementById("access-area").replaceChildren(access);
  enhance();
  history.replaceState(null, "", address);
  for (const link of document.querySelectorAll(".nav [aria-current]")) link.removeAttribute("aria-current");
  followCompany((gone) => {
    content.replaceChildren(...kept.nodes);
    content.className = kept.className;
    document.title = kept.title;
    history.replaceState(null, "", "/tenants/new");
    showFailure(gone);
  });
}

/** Only what the answer carried is shown. */
function fillAccess(root, { initialToken, setupUrl, worker }) {
  root.getElementById("setup-url").value = setupUrl ?? "";
  root.getElementById("initial-token").value = initialToken?.token ?? "";
  root.getElementById("token-until").dateTime = initialToken?.expiresAt ?? "";
  root.getElementById("worker-command").value = worker.command;
  root.querySelector('[data-access="setupUrl"]').hidden = setupUrl === null;
  root.querySelector('[data-access="token"]').hidden = initialToken === null;
  root.querySelector('[data-access="later"]').hidden = initialToken !== null;
}
