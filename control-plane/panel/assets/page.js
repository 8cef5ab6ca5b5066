/** Pages fetched from the server and put in place: the server's templates are the only ones. */
import { enhance } from "./panel.js";

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

/** Puts the fresh parts of the same page in place: what has the focus keeps it, what is unfolded stays so. */
export function takeParts(fresh) {
  for (const part of document.querySelectorAll("[data-live]")) {
    const next = fresh.getElementById(part.id);
    if (next === null || next.innerHTML === part.innerHTML) continue;
    const focused = part.contains(document.activeElement) ? document.activeElement.id : "";
    const unfolded = [...part.querySelectorAll("details[open]")].map(({ id }) => id);
    part.replaceChildren(...next.childNodes);
    for (const id of unfolded) document.getElementById(id)?.setAttribute("open", "");
    if (focused !== "") document.getElementById(focused)?.focus();
  }
  enhance();
  const steps = document.getElementById("steps");
  if (steps === null) return;
  for (const name of ["events", "expects"]) {
    const value = fresh.getElementById("steps")?.dataset[name];
    if (value === undefined) delete steps.dataset[name];
    else steps.dataset[name] = value;
  }
}
