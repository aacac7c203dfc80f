// The rows of an answer: their details, in place or beside the list where the window is wide, and further rows.

import { fetchPaper } from "./browse.js";
import { say } from "./announce.js";

const WIDE = matchMedia("(min-width: 1200px)");
let made = 0;

const rowOf = (panel) => document.getElementById(panel.dataset.row);
const openerOf = (row) => row.querySelector("[data-action='details']");

async function open(row) {
  const part = row.closest("[data-part]");
  if (WIDE.matches) part.querySelectorAll(".cd-details").forEach((panel) => close(panel));
  const panel = document.createElement("div");
  panel.className = "cd-details";
  panel.id = `cd-details-${++made}`;
  panel.dataset.row = row.id;
  panel.tabIndex = -1;
  panel.setAttribute("role", "region");
  panel.setAttribute("aria-label", `Details: ${row.dataset.title}`);
  place(panel, row);
  openerOf(row).setAttribute("aria-expanded", "true");
  openerOf(row).setAttribute("aria-controls", panel.id);
  await fetchPaper(panel, row.dataset.paper, row.dataset.quotes);
  const found = row.querySelector(":scope > .cd-row-body > .cd-found")?.cloneNode(true);
  if (found) {
    found.hidden = false;
    panel.append(found);
  }
  panel.prepend(closer());
  panel.focus({ preventScroll: true });
}

function closer() {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "cd-button cd-small cd-quiet cd-close";
  button.dataset.action = "close-details";
  button.textContent = "Close";
  return button;
}

function place(panel, row) {
  const part = row.closest("[data-part]");
  const beside = WIDE.matches && part.dataset.part === "papers";
  part.classList.toggle("cd-beside", beside);
  if (beside) part.append(panel);
  else row.append(panel);
}

export function close(panel, refocus = false) {
  const row = rowOf(panel);
  panel.closest("[data-part]").classList.remove("cd-beside");
  panel.remove();
  openerOf(row).setAttribute("aria-expanded", "false");
  openerOf(row).removeAttribute("aria-controls");
  if (refocus) openerOf(row).focus();
}

function toggle(row) {
  const panel = document.getElementById(openerOf(row).getAttribute("aria-controls"));
  if (panel) close(panel, true);
  else open(row);
}

// Rows beyond the first page are hidden by the style sheet until a page more is asked for.
function showMore(button) {
  const part = button.closest("[data-part]");
  const list = part.querySelector(".cd-answer-rows");
  const rows = [...list.querySelectorAll(":scope > .cd-row")];
  const shown = Number(list.dataset.shown ?? button.dataset.page) + Number(button.dataset.page);
  list.dataset.shown = shown;
  rows.forEach((row, at) => row.classList.toggle("cd-shown", at < shown));
  rows[shown - Number(button.dataset.page)]?.querySelector("a, button")?.focus();
  const left = rows.length - shown;
  if (left > 0) button.textContent = `Show ${Math.min(left, button.dataset.page)} more of ${rows.length}`;
  else button.parentElement.remove();
  say(`${Math.min(shown, rows.length)} of ${rows.length} papers are shown.`);
}

document.addEventListener("click", (event) => {
  const button = event.target.closest?.("[data-action]");
  const action = button?.dataset.action;
  if (action === "details") toggle(button.closest(".cd-row"));
  if (action === "close-details") close(button.closest(".cd-details"), true);
  if (action === "rows-more") showMore(button);
});
document.addEventListener("keydown", (event) => {
  const panel = event.key === "Escape" && event.target.closest?.(".cd-details");
  if (!panel) return;
  event.preventDefault();
  close(panel, true);
});
WIDE.addEventListener("change", () => {
  for (const panel of document.querySelectorAll(".cd-details")) {
    rowOf(panel).closest("[data-part]").classList.remove("cd-beside");
    place(panel, rowOf(panel));
  }
});
