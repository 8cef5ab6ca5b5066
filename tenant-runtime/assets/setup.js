// A password of one's own: the first one, or a new one. The invitation is in the address behind '#', which browsers send to no server.
const form = document.querySelector("#setup");
const password = document.querySelector("#password");
const again = document.querySelector("#again");
const show = document.querySelector("#show");
const button = form.querySelector("button");
const problem = document.querySelector("#problem");
const token = decodeURIComponent(location.hash.slice(1));

if (token === "") {
  complain("O endereço está incompleto. Abra o convite exatamente como você o recebeu.");
  form.hidden = true;
}

show.addEventListener("change", () => {
  password.type = again.type = show.checked ? "text" : "password";
});

form.addEventListener("submit", (event) => {
  event.preventDefault();
  if (password.value.length < 10) return complain("A senha precisa ter pelo menos 10 caracteres.", password);
  if (password.value !== again.value) return complain("As duas senhas são diferentes.", again);
  void create();
});

async function create() {
  if (button.getAttribute("aria-disabled") === "true") return;
  button.setAttribute("aria-disabled", "true");
  try {
    const response = await fetch("/v1/auth/setup", {
      method: "POST",
      headers: { "Content-Type": "application/json", Accept: "application/json" },
      body: JSON.stringify({ token, password: password.value }),
    });
    if (response.ok) celebrate(await response.json());
    else complain(explain(response.status));
  } catch {
    complain("Não foi possível falar com o servidor. Verifique a conexão e tente de novo.");
  } finally {
    button.removeAttribute("aria-disabled");
  }
}

function explain(status) {
  if (status === 401) return "Este convite já foi usado ou venceu. Peça um novo a quem o enviou.";
  if (status === 422) return "A senha precisa ter de 10 a 200 caracteres.";
  if (status === 429) return "Foram muitas tentativas. Espere cinco minutos e tente de novo.";
  return "Não foi possível criar a senha agora. Tente novamente em instantes.";
}

function celebrate({ user }) {
  // The used invitation does not stay in the browser's history.
  history.replaceState(null, "", location.pathname);
  document.querySelector("#email").textContent = user.email;
  document.querySelector("#ask").hidden = true;
  const done = document.querySelector("#done");
  done.hidden = false;
  done.focus();
}

function complain(text, field) {
  problem.textContent = text;
  problem.hidden = false;
  for (const input of [password, again]) input.setAttribute("aria-invalid", String(input === field));
  (field ?? problem).focus();
}
