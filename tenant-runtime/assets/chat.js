// The conversation, live. The page works without this: then a form is sent and answers are seen after a reload.
const list = document.querySelector("#messages");
const form = document.querySelector("#composer");
const field = document.querySelector("#text");
const button = form.querySelector("button");
const status = document.querySelector("#status");
const waiting = document.querySelector("#waiting");
const waitingText = document.querySelector("#waiting-text");
const announcer = document.querySelector("#announcer");
const talk = document.querySelector(".talk");

const company = list.dataset.company;
const clock = new Intl.DateTimeFormat("pt-BR", { timeStyle: "short" });
const shortestWaitMs = 1_000;
const longestWaitMs = 30_000;
const patienceMs = 20_000;

let source;
let retryMs = shortestWaitMs;
let retryTimer;
let patienceTimer;

for (const time of list.querySelectorAll("time")) time.textContent = clock.format(new Date(time.dateTime));
if (list.children.length > 0) connect();
updateWaiting();

form.addEventListener("submit", (event) => {
  event.preventDefault();
  void send();
});

field.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  form.requestSubmit();
});

// A page that comes back from the browser's memory has missed what happened meanwhile.
window.addEventListener("pageshow", (event) => {
  if (event.persisted && list.children.length > 0) connect();
});
window.addEventListener("online", () => {
  if (list.children.length > 0) connect();
});

async function send() {
  const text = field.value.trim();
  if (text === "" || button.getAttribute("aria-disabled") === "true") return;
  button.setAttribute("aria-disabled", "true");
  status.textContent = "";
  try {
    const response = await fetch("/messages", {
      method: "POST",
      headers: { "Content-Type": "application/json", Accept: "application/json" },
      body: JSON.stringify({ text }),
    });
    if (!response.ok) throw new Error(String(response.status));
    const { message } = await response.json();
    field.value = "";
    add(message);
    if (response.status === 202) status.textContent = "Mensagem recebida. A resposta pode demorar um pouco mais.";
    if (source === undefined || source.readyState === EventSource.CLOSED) connect();
  } catch (error) {
    status.textContent = explain(error.message);
  } finally {
    button.removeAttribute("aria-disabled");
    field.focus();
  }
}

function explain(reason) {
  if (reason === "429") return "Foram muitas mensagens seguidas. Espere um minuto e envie de novo.";
  if (reason === "413" || reason === "422") return "A mensagem é longa demais. Envie até 2000 caracteres.";
  if (reason === "403" || reason === "410") return "O atendimento não está disponível no momento.";
  return "Não foi possível enviar. Verifique a conexão e tente de novo.";
}

/** Opens the stream of answers. The browser reconnects a dropped one; a refused one is tried again from here. */
function connect() {
  clearTimeout(retryTimer);
  source?.close();
  source = new EventSource("/events");
  source.addEventListener("open", () => {
    retryMs = shortestWaitMs;
    void catchUp();
  });
  source.addEventListener("chat.reply", (event) => arrive(JSON.parse(event.data)));
  source.addEventListener("error", () => {
    if (source.readyState !== EventSource.CLOSED) return;
    retryTimer = setTimeout(connect, retryMs * (0.75 + Math.random() / 2));
    retryMs = Math.min(longestWaitMs, retryMs * 2);
  });
}

/** Asked once the stream is open: whatever came before is in here, whatever comes after is in the stream. */
async function catchUp() {
  try {
    const response = await fetch("/messages", { headers: { Accept: "application/json" } });
    if (!response.ok) return;
    const { messages } = await response.json();
    for (const message of messages) {
      if (message.from === "company") arrive(message);
      else add(message);
    }
  } catch {
    // The stream's own reconnection asks again.
  }
}

function arrive(message) {
  if (add(message)) announcer.textContent = `${company}: ${message.body}`;
}

/** Puts a message where its time belongs; false when it is on the page already. */
function add({ id, from, body, createdAt }) {
  if ([...list.children].some((item) => item.dataset.id === id)) return false;
  const item = document.createElement("li");
  item.className = `message new ${from === "visitor" ? "visitor" : "company"}`;
  item.dataset.id = id;
  item.dataset.at = createdAt;
  const who = element("span", `${from === "visitor" ? "Você" : company}:`);
  who.className = "hidden";
  const time = element("time", clock.format(new Date(createdAt)));
  time.dateTime = createdAt;
  item.append(who, " ", element("p", body), time);
  const next = [...list.children].find((other) => other.dataset.at > createdAt);
  list.insertBefore(item, next ?? null);
  talk.scrollTop = talk.scrollHeight;
  updateWaiting();
  return true;
}

/** What visitors and workers wrote is only ever text. */
function element(name, text) {
  const made = document.createElement(name);
  made.textContent = text;
  return made;
}

/** Until the company has the last word; the answer may be here before the message's own receipt. */
function updateWaiting() {
  clearTimeout(patienceTimer);
  waiting.hidden = !list.lastElementChild?.classList.contains("visitor");
  if (waiting.hidden) return;
  waitingText.textContent = "Preparando a resposta…";
  patienceTimer = setTimeout(() => {
    waitingText.textContent = "A resposta vai demorar um pouco. Você pode deixar esta página aberta.";
  }, patienceMs);
  talk.scrollTop = talk.scrollHeight;
}
