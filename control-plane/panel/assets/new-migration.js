/** The button starts what was planned: once another option is chosen, that is no longer what the form says. */
const options = document.getElementById("options");
const start = document.getElementById("start");
const changed = document.getElementById("changed");

options.addEventListener("input", () => {
  if (start === null || start.disabled) return;
  start.disabled = true;
  changed.textContent = changed.dataset.text;
});
