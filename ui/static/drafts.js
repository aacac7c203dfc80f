// The draft of a question, and a question asked before the chat was loaded; both survive a reload of the tab.

import { tab } from "./storage.js";

const DRAFT = "citedesk:draft";
const PENDING = "citedesk:pending";
const USER = "citedesk:user";

// Clear the tab's storage if another user was logged in before.
export function belong(user) {
  const before = tab.get(USER);
  if (before !== null && before !== user) tab.clear();
  tab.set(USER, user);
}

export const draft = {
  get: () => tab.get(DRAFT) ?? "",
  set: (text) => tab.set(DRAFT, text),
};

// Store a question to ask after a reload; return whether it was stored.
export function pend(asked) {
  return tab.set(PENDING, JSON.stringify(asked));
}

// Return and clear the question to ask: one stored before a reload, or from the URL (`?q=`, overrides in `set=`).
export function pending() {
  const kept = tab.get(PENDING);
  tab.remove(PENDING);
  if (kept) return JSON.parse(kept);
  const address = new URLSearchParams(location.search);
  const question = address.get("q")?.trim();
  if (!question) return null;
  history.replaceState(null, "", location.pathname + location.hash); // a reload would ask it again
  return { question, overrides: parsed(address.get("set")) };
}

function parsed(text) {
  try {
    return JSON.parse(text) ?? {};
  } catch {
    return {};
  }
}
