/** Follows an operation and keeps the company's page as the server shows it now: the server's templates are the only ones. */
import { enhance } from "./panel.js";

const eventTypes = ["pending", "working", "ready", "failed", "absent"].map((status) => `resource.${status}`);
const endings = ["operation.succeeded", "operation.failed"];
const reopenMs = 3000;

/**
 * Follows the operation that the page names, and the one after it, until none is running. A company that is gone ends
 * it: `onGone` is given the page that says so.
 */
export function followOperation(onGone = showPage) {
  const address = runningOperation();
  if (address === undefined) return;
  const source = new EventSource(address);
  let isOver = false;
  const update = async () => {
    const gone = await refresh();
    if (gone === undefined || isOver) return;
    isOver = true;
    source.close();
    onGone(gone);
  };
  const finish = async () => {
    source.close();
    await update();
    if (!isOver && runningOperation() !== undefined) setTimeout(() => followOperation(onGone), reopenMs);
  };
  for (const type of eventTypes) source.addEventListener(type, () => void update());
  for (const type of endings) source.addEventListener(type, () => void finish());
  source.addEventListener("error", () => {
    // While the browser itself is reconnecting there is nothing to do; CLOSED means that the server said no.
    if (source.readyState === EventSource.CLOSED) void finish();
  });
}

/**
 * The page at an address as a document, and whether it says that nothing is there; undefined when the server did not
 * answer. Without a session: on to the sign-in.
 */
export async function fetchPage(address) {
  try {
    const answer = await fetch(address, { headers: { Accept: "text/html" } });
    if (answer.redirected) location.assign(answer.url);
    const isGone = answer.status === 404;
    if (answer.redirected || !(answer.ok || isGone)) return undefined;
    return { isGone, page: new DOMParser().parseFromString(await answer.text(), "text/html") };
  } catch {
    return undefined;
  }
}

/** Shows a fetched page in place of this one's content, and starts reading at its heading. */
export function showPage(page) {
  const content = document.getElementById("content");
  const next = page.getElementById("content");
  content.className = next.className;
  content.replaceChildren(...next.childNodes);
  document.title = page.title;
  enhance();
  content.querySelector("h1")?.focus();
}

const runningOperation = () => document.querySelector("[data-events]")?.dataset.events;

let running;
let wanted = false;

/** Events come in bursts: one request at a time, and one more when something happened meanwhile. Answers a page of what is gone. */
function refresh() {
  wanted = true;
  running ??= (async () => {
    let gone;
    while (wanted && gone === undefined) {
      wanted = false;
      const fresh = await fetchPage(location.pathname);
      if (fresh?.isGone) gone = fresh.page;
      else if (fresh !== undefined) takeParts(fresh.page);
    }
    running = undefined;
    return gone;
  })();
  return running;
}

/** Puts the fresh parts in place. */
function takeParts(fresh) {
  for (const part of document.querySelectorAll("[data-live]")) {
    const next = fresh.getElementById(part.id);
    if (next === null || next.innerHTML === part.innerHTML) continue;
    const focused = part.contains(document.activeElement) ? document.activeElement.id : "";
    part.replaceChildren(...next.childNodes);
    if (focused !== "") document.getElementById(focused)?.focus();
  }
  enhance();
  const steps = document.getElementById("steps");
  const events = fresh.getElementById("steps")?.dataset.events;
  if (events === undefined) delete steps?.dataset.events;
  else if (steps !== null) steps.dataset.events = events;
}
