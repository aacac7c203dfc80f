// A rating and its reason, sent to the server with the answer's receipt.

import { held } from "./files.js";
import { say } from "./announce.js";

const PLACE = "api/feedback";
const MOST_CITATIONS = 500; // more are not stored

function choose(exchange, button) {
  const form = exchange.querySelector("form.cd-reason");
  const again = button.getAttribute("aria-pressed") === "true";
  close(exchange);
  if (again) return;
  button.setAttribute("aria-pressed", "true");
  button.setAttribute("aria-expanded", "true");
  form.dataset.value = button.dataset.value;
  form.hidden = false;
  form.reason.focus();
}

function close(exchange) {
  exchange.querySelector("form.cd-reason").hidden = true;
  for (const each of exchange.querySelectorAll("[data-action='rate']")) {
    each.setAttribute("aria-pressed", "false");
    each.setAttribute("aria-expanded", "false");
  }
}

async function send(exchange, form) {
  const { turn, ...receipt } = held(exchange, "cd-receipt"); // the answer's text is not stored
  receipt.citations = receipt.citations?.slice(0, MOST_CITATIONS);
  const body = { verdict: form.dataset.value, reason: form.reason.value.trim(), receipt };
  const submit = form.querySelector("[type='submit']");
  submit.disabled = true;
  try {
    await post(body);
    form.replaceChildren(line("Thank you. Your rating is stored."));
    for (const each of exchange.querySelectorAll("[data-action='rate']")) each.disabled = true;
    say("Thank you. Your rating is stored.");
  } catch (error) {
    form.querySelector(".cd-line")?.remove();
    form.append(line(error.message, "cd-bad"));
    say(error.message);
  } finally {
    submit.disabled = false;
  }
}

async function post(body) {
  let reply;
  try {
    reply = await fetch(new URL(PLACE, document.baseURI), {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
    });
  } catch {
    throw new Error("The server did not answer. Is it still running?");
  }
  if (reply.ok) return;
  const failure = await reply.json().catch(() => ({}));
  throw new Error(typeof failure.error === "string" ? failure.error : `The server answered ${reply.status}.`);
}

function line(text, css = "") {
  const shown = document.createElement("p");
  shown.className = `cd-line ${css}`.trim();
  shown.textContent = text;
  return shown;
}

document.addEventListener("click", (event) => {
  const button = event.target.closest?.("[data-action]");
  const exchange = button?.closest(".cd-exchange");
  if (!exchange) return;
  if (button.dataset.action === "rate") choose(exchange, button);
  if (button.dataset.action === "cancel" && button.closest("form.cd-reason")) {
    const pressed = exchange.querySelector("[data-action='rate'][aria-pressed='true']");
    close(exchange);
    pressed?.focus();
  }
});
document.addEventListener("submit", (event) => {
  const exchange = event.target.closest?.(".cd-exchange");
  if (!exchange || event.target.dataset?.form !== "reason") return;
  event.preventDefault();
  send(exchange, event.target);
});
