/** Keeps the company's page as the server shows it now, while something happens and when something is due. */
import { fetchPage, showPage, takeParts } from "./page.js";

const eventTypes = ["pending", "working", "ready", "failed", "absent"].map((status) => `resource.${status}`);
const endings = ["operation.succeeded", "operation.failed"];
const reopenMs = 3000;
const slackMs = 2000;
const longestMs = 60_000;

/**
 * Follows the operation that the page names, and the one after it; where none runs, waits for what the page expects. A
 * company that is gone ends it: `onGone` is given the page that says so.
 */
export function followCompany(onGone = showPage) {
  const { events, expects } = document.getElementById("steps")?.dataset ?? {};
  if (events !== undefined) followOperation(events, onGone);
  else if (expects !== undefined) void awaitChange(Date.parse(expects), onGone);
}

function followOperation(address, onGone) {
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
    if (!isOver) setTimeout(() => followCompany(onGone), reopenMs);
  };
  for (const type of eventTypes) source.addEventListener(type, () => void update());
  for (const type of endings) source.addEventListener(type, () => void finish());
  source.addEventListener("error", () => {
    // While the browser itself is reconnecting there is nothing to do; CLOSED means that the server said no.
    if (source.readyState === EventSource.CLOSED) void finish();
  });
}

/** Looks again at that time, and each minute until then: somebody may have moved it. Nobody asks for a page that nobody sees. */
async function awaitChange(due, onGone) {
  const wait = Math.min(Math.max(due - Date.now(), 0) + slackMs, longestMs);
  await new Promise((resolve) => setTimeout(resolve, wait));
  while (document.hidden)
    await new Promise((resolve) => document.addEventListener("visibilitychange", resolve, { once: true }));
  const gone = await refresh();
  if (gone === undefined) followCompany(onGone);
  else onGone(gone);
}

let running;
let wanted = false;

/** Events come in bursts: one request at a time, and one more when something happened meanwhile. Answers a page of what is gone. */
export function refresh() {
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
