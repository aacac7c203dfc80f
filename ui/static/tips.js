// Tips of [n] markers on hover and focus (WCAG 1.4.13: dismissible, hoverable, persistent), and jumps to their rows.

import { say, scrolling } from "./announce.js";

const GAP = 6; // px between a marker and its tip
const EDGE = 8; // px between a tip and the window's edges
const LEAVE_MS = 180; // time to move the pointer from a marker onto its tip
const FLASH_MS = 1800;

let shown = null; // {cite, tip}
let leaving = 0;
let cameFrom = null;

function tipOf(cite) {
  const id = cite.getAttribute("aria-describedby");
  return id ? document.getElementById(id) : null;
}

function place(cite, tip) {
  const box = cite.getBoundingClientRect();
  const { width, height } = tip.getBoundingClientRect();
  const left = Math.min(Math.max(box.left + box.width / 2 - width / 2, EDGE), innerWidth - width - EDGE);
  const below = box.bottom + GAP + height <= innerHeight - EDGE;
  const top = below ? box.bottom + GAP : Math.max(box.top - GAP - height, EDGE);
  tip.style.left = `${Math.max(left, EDGE)}px`;
  tip.style.top = `${top}px`;
}

function show(cite) {
  clearTimeout(leaving);
  const tip = tipOf(cite);
  if (shown && shown.tip !== tip) hide();
  if (!tip) return;
  tip.hidden = false;
  place(cite, tip);
  shown = { cite, tip };
}

function hide() {
  clearTimeout(leaving);
  if (shown) shown.tip.hidden = true;
  shown = null;
}

function follow(event) {
  if (!shown || event.target === shown.tip) return;
  const box = shown.cite.getBoundingClientRect();
  if (box.bottom < 0 || box.top > innerHeight || !shown.cite.isConnected) hide();
  else place(shown.cite, shown.tip);
}

function hideSoon() {
  clearTimeout(leaving);
  leaving = setTimeout(() => {
    if (shown && shown.cite !== document.activeElement) hide();
  }, LEAVE_MS);
}

function jump(cite) {
  const card = document.getElementById(cite.getAttribute("href").slice(1));
  if (!card) return;
  hide();
  card.classList.add("cd-shown"); // it may be beyond the first page of rows
  const part = card.closest("[data-part]");
  part?.querySelector("[data-action='table'][aria-pressed='true']")?.click();
  for (let fold = card.closest("details"); fold; fold = fold.parentElement.closest("details")) fold.open = true;
  go(card);
  cameFrom = cite;
  offerBack(card);
}

function go(target) {
  target.focus({ preventScroll: true });
  target.scrollIntoView({ behavior: scrolling(), block: "center" });
  target.classList.add("cd-flash");
  setTimeout(() => target.classList.remove("cd-flash"), FLASH_MS);
}

function offerBack(card) {
  document.querySelectorAll("[data-action='back']").forEach((each) => each.remove());
  const back = document.createElement("button");
  back.type = "button";
  back.className = "cd-button cd-small";
  back.dataset.action = "back";
  back.textContent = "Back to the text";
  card.querySelector(".cd-meta")?.append(back);
}

function back(button) {
  button.remove();
  if (cameFrom?.isConnected) go(cameFrom);
  else say("The text has changed since.");
}

document.addEventListener("mouseover", (event) => {
  const cite = event.target.closest?.(".cd-cite");
  if (cite) show(cite);
  else if (event.target.closest?.(".cd-tip")) clearTimeout(leaving);
  else if (shown) hideSoon();
});
document.addEventListener("focusin", (event) => {
  if (event.target.matches?.(".cd-cite:focus-visible")) show(event.target);
  else hide();
});
document.addEventListener("focusout", (event) => event.target.matches?.(".cd-cite") && hide());
addEventListener("scroll", follow, { passive: true, capture: true });
addEventListener("resize", follow);
addEventListener(
  "keydown",
  (event) => {
    if (event.key !== "Escape" || !shown) return;
    event.stopPropagation(); // Escape closes the tip, and must not stop an answer
    hide();
  },
  true,
);
document.addEventListener("click", (event) => {
  const cite = event.target.closest?.("a.cd-cite");
  const button = event.target.closest?.("[data-action='back']");
  if (cite && !event.ctrlKey && !event.metaKey) {
    event.preventDefault();
    jump(cite);
  } else if (button) back(button);
  else if (!event.target.closest?.(".cd-tip")) hide();
});
