/** Takes the one-time token out of the address's fragment, which no server sees, and out of the browser's history. */
const field = document.getElementById("token");
const token = location.hash.slice(1);

if (field !== null && token.length > 10) {
  field.value = token;
  history.replaceState(null, "", location.pathname);
}
if (field !== null && field.value !== "" && !field.hasAttribute("aria-invalid")) {
  document.getElementById("field-token").hidden = true;
}
