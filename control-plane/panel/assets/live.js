/** Follows an operation and keeps the company's page as the server shows it now: the server's templates are the only ones. */
import { enhance } from "./panel.js";

const eventTypes = ["pending", "working", "ready", "failed", "absent"].map((status) => `resource.${status}`);
const endings = ["operation.succeeded", "operation.failed"];
const reopenMs = 3000;

/** Follows the operation that the page names, and the one after it, until none is running. */
export function followOperation() {
  const address = document.querySelector("[data-events]")?.dataset.events;
  if (address === undefined) return;
  const source = new EventSource(address);
  const finish = async () => {
    source.close();
    const next = await refresh();
    if (next !== undefined) setTimeout(followOperation, reopenMs);
  };
  for (const type of eventTypes) source.addEventListener(type, () => void refresh());
  for (const type of endings) source.addEventListener(type, () => void finish());
  source.addEventListener("error", () => {
    // While the browser itself is reconnecting there is nothing to do; CLOSED means that the server said no.
    if (source.readyState === EventSource.CLOSED) void finish();
  });
}

/** The page at an address as a document; undefined when the server did not answer. Without a session: on to the sign-in. */
export async function fetchPage(address) {
  try {
    const answer = await fetch(address, { headers: { Accept: "text/html" } });
    if (answer.redirected) location.assign(answer.url);
    if (!answer.ok || answer.redirected) return undefined;
    return new DOMParser().parseFromString(await answer.text(), "text/html");
  } catch {
    return undefined;
  }
}

let running;
let wanted = false;

/** Events come in bursts: one request at a time, and one more when something happened meanwhile. */
function refresh() {
  wanted = true;
  running ??= (async () => {
    let events;
    while (wanted) {
      wanted = false;
      events = takeParts(await fetchPage(location.pathname));
    }
    running = undefined;
    return events;
  })();
  return running;
}

/** Puts the fresh parts in place and answers with the address of the running operation's events. */
function takeParts(fresh) {
  const steps = document.getElementById("steps");
  if (fresh === undefined) return steps.dataset.events;
  for (const part of document.querySelectorAll("[data-live]")) {
    const next = fresh.getElementById(part.id);
    if (next === null || next.innerHTML === part.innerHTML) continue;
    const focused = part.contains(document.activeElement) ? document.activeElement.id : "";
    part.replaceChildren(...next.childNodes);
    if (focused !== "") document.getElementById(focused)?.focus();
  }
  enhance();
  const { events } = fresh.getElementById("steps").dataset;
  if (events === undefined) delete steps.dataset.events;
  else steps.dataset.events = events;
  return events;
}
