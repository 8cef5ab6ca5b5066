// The platform's support comes in. The secret is in the address behind '#', which browsers send to no server.
const form = document.querySelector("#enter");
const problem = document.querySelector("#problem");
const secret = decodeURIComponent(location.hash.slice(1));

if (secret === "") {
  complain("O endereço está incompleto. Abra o acesso exatamente como o painel o mostrou.");
  form.hidden = true;
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  void enter();
});

// A click of a person, not the page's loading: whatever looks at addresses in advance does not use the secret up.
async function enter() {
  if (form.getAttribute("aria-busy") === "true") return;
  form.setAttribute("aria-busy", "true");
  try {
    const response = await fetch("/v1/auth/impersonate", {
      method: "POST",
      headers: { "Content-Type": "application/json", Accept: "application/json" },
      body: JSON.stringify({ token: secret }),
    });
    if (response.ok) show(await response.json());
    else complain(explain(response.status));
  } catch {
    complain("Não foi possível falar com o servidor. Verifique a conexão e tente de novo.");
  } finally {
    form.removeAttribute("aria-busy");
  }
}

function explain(status) {
  if (status === 401) return "Este acesso já foi usado ou passou de um minuto. Peça outro no painel.";
  if (status === 429) return "Foram muitas tentativas. Espere cinco minutos e tente de novo.";
  return "Não foi possível entrar agora. Tente novamente em instantes.";
}

function show({ accessToken, impersonatedBy }) {
  // The used secret does not stay in the browser's history.
  history.replaceState(null, "", location.pathname);
  document.querySelector("#visit").textContent =
    `Acesso do suporte por ${impersonatedBy.who}: ${impersonatedBy.reason}`;
  const until = new Date(impersonatedBy.until);
  document.querySelector("#until").textContent = until.toLocaleTimeString("pt-BR", { timeStyle: "short" });
  document.querySelector("#token").value = accessToken;
  document.querySelector("#ask").hidden = true;
  const inside = document.querySelector("#inside");
  inside.hidden = false;
  inside.focus();
}

function complain(text) {
  problem.textContent = text;
  problem.hidden = false;
  problem.focus();
}
