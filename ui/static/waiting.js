// The page shown while the chat is loading: stores a draft or question, and reloads when the chat is ready.

import { belong, draft, pend } from "./drafts.js";
import { follow, user } from "./status.js";
import { useTheme } from "./theme.js";

useTheme();
const field = document.getElementById("cd-question");
const wait = document.getElementById("cd-wait");
field.focus();
user.then((name) => {
  belong(name);
  field.value ||= draft.get();
});
field.addEventListener("input", () => draft.set(field.value));
document.getElementById("cd-composer").addEventListener("submit", (event) => {
  event.preventDefault();
  const question = field.value.trim();
  if (!question) return;
  if (!pend({ question, overrides: {} })) {
    wait.textContent = "This browser keeps nothing from page to page: ask again when the chat is loaded.";
    return;
  }
  draft.set("");
  field.readOnly = true;
  wait.textContent = "Your question is taken. It is answered as soon as the chat is loaded …";
});
field.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
    event.preventDefault();
    field.form.requestSubmit();
  }
});
follow((state) => {
  if (!state.open) return false;
  location.reload();
  return true;
});
