/** Keeps a run's page as the server shows it now, until the run has ended. */
import { refresh } from "./live.js";

const reopenMs = 3000;

function follow() {
  const address = document.getElementById("run")?.dataset.events;
  if (address === undefined) return;
  const source = new EventSource(address);
  let isOver = false;
  source.addEventListener("run", () => void refresh());
  source.addEventListener("ended", () => {
    isOver = true;
    source.close();
    void refresh();
  });
  source.addEventListener("error", () => {
    // While the browser itself is reconnecting there is nothing to do; CLOSED means that the server said no.
    if (source.readyState !== EventSource.CLOSED || isOver) return;
    void refresh();
    setTimeout(follow, reopenMs);
  });
}

follow();
