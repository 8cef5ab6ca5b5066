/** On every page: times in the reader's own clock, countdowns, and buttons that copy. */
const language = document.documentElement.lang;
const moments = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "short" });
const days = new Intl.DateTimeFormat(language, { dateStyle: language === "en" ? "medium" : "short" });
const distances = new Intl.RelativeTimeFormat(language, { numeric: "auto" });

export function enhance(root = document) {
  for (const time of root.querySelectorAll("time[data-moment]")) {
    if (time.dateTime !== "") time.textContent = moments.format(new Date(time.dateTime));
  }
  for (const time of root.querySelectorAll("time[data-day]")) time.textContent = days.format(new Date(time.dateTime));
  // The clipboard exists only where the page is served safely.
  if (navigator.clipboard === undefined) return;
  for (const button of root.querySelectorAll("button[data-copy]")) button.hidden = false;
}

function countDown() {
  for (const time of document.querySelectorAll("time[data-until]")) {
    const seconds = Math.max(0, Math.ceil((new Date(time.dateTime).getTime() - Date.now()) / 1000));
    const text =
      seconds < 90 ? distances.format(seconds, "second") : distances.format(Math.round(seconds / 60), "minute");
    if (time.textContent !== text) time.textContent = text;
  }
}

async function copy(button) {
  await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).value);
  button.dataset.label ??= button.textContent;
  button.textContent = button.dataset.done;
  setTimeout(() => (button.textContent = button.dataset.label), 2000);
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-copy]");
  if (button !== null) void copy(button);
});

enhance();
setInterval(countDown, 1000);
