// The page before the chat is drawn: keeps a draft, takes a question, and hands both over when the chat is there.

import { isReopening } from "./conversation_list.js";
import { belong, draft, pend } from "./drafts.js";
import { follow, user } from "./status.js";

const place = () => document.getElementById("cd-first");

export function firstPaint() {
  const first = place();
  if (!first) return;
  const field = first.querySelector("#cd-question");
  const wait = first.querySelector("#cd-wait");
  first.querySelector(".cd-examples").hidden = isReopening();
  if (!matchMedia("(pointer: coarse)").matches) field.focus({ preventScroll: true });
  user.then((name) => {
    belong(name);
    field.value ||= draft.get();
  });
  takeEntered(field, wait);
  field.addEventListener("input", () => draft.set(field.value));
  first.querySelector("#cd-composer").addEventListener("submit", (event) => {
    event.preventDefault();
    take(field, wait);
  });
  field.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    take(field, wait);
  });
  first.addEventListener("click", (event) => {
    const example = event.target.closest("[data-question]");
    if (!example) return;
    field.value = example.dataset.question;
    take(field, wait);
  });
}

// Take a question whose Enter came before this script ran.
function takeEntered(field, wait) {
  if (field.value.endsWith("\n")) take(field, wait);
}

function take(field, wait) {
  const question = field.value.trim();
  if (!question || field.readOnly) return;
  if (!pend({ question, overrides: {} })) {
    wait.textContent = "This browser keeps nothing from page to page: ask again when the chat is loaded.";
    return;
  }
  draft.set("");
  field.readOnly = true;
  wait.textContent = "Your question is taken. It is answered as soon as the chat is loaded …";
}

// Remove the first page; return the text of its field, "" where the question is taken, and whether it had the focus.
export function handOver() {
  const first = place();
  const field = first?.querySelector("#cd-question");
  if (field) takeEntered(field, first.querySelector("#cd-wait"));
  const held = { text: field && !field.readOnly ? field.value : "", focused: document.activeElement === field };
  first?.remove();
  return held;
}

// Reload the page that stands in for the chat as soon as the chat is loaded.
export function awaitChat() {
  follow((state) => {
    if (!state.open) return false;
    location.reload();
    return true;
  });
}
