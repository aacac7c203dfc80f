// The Browse tab: rows that expand to cards, loading of further rows, and the map.

import { scrolling } from "./announce.js";
import { draw as drawReadingList } from "./reading_list.js";
import { LOGGED_OUT, isLoggedOut } from "./status.js";

const ROUTES = new URL("../browse/", import.meta.url);
const NEAR = 28; // pixels around a mark within which a click on the map selects it
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
let cards = 0;

async function fetched(path) {
  try {
    const response = await fetch(new URL(path, ROUTES), { headers: { Accept: "text/html" } });
    if (isLoggedOut(response)) return { html: notice(LOGGED_OUT), ok: false };
    const kind = response.headers.get("Content-Type") || "";
    if (kind.startsWith("text/html")) return { html: await response.text(), ok: response.ok };
    return { html: notice(`The server answered with status ${response.status}. Try again.`), ok: false };
  } catch {
    return { html: notice("The server cannot be reached. Try again once it runs."), ok: false };
  }
}

function notice(sentence) {
  return `<p class="cd-notice cd-notice-error" role="alert">${sentence}</p>`;
}

// Show the details of a paper in an element, with the words at the spans `quotes` marked; return whether they came.
export async function fetchPaper(place, paperId, quotes = "") {
  place.dataset.wanted = paperId;
  place.setAttribute("aria-busy", "true");
  const { html, ok } = await fetched(`paper/${encodeURIComponent(paperId)}?as=browse-${++cards}&quotes=${encodeURIComponent(quotes)}`);
  if (place.dataset.wanted !== paperId) return false; // another paper has been chosen since
  place.removeAttribute("aria-busy");
  place.innerHTML = html;
  drawReadingList(); // "Keep for reading" says whether it is kept
  return ok;
}

// Rows

document.addEventListener("toggle", async (event) => {
  const row = event.target;
  if (!(row instanceof HTMLDetailsElement) || !row.matches(".cd-paper") || !row.open) return;
  const body = row.querySelector(".cd-paper-body");
  if (body.dataset.filled) return;
  if (await fetchPaper(body, row.closest("[data-paper]").dataset.paper)) body.dataset.filled = "yes";
}, true);

async function showMore(button) {
  button.disabled = true;
  const { html, ok } = await fetched(`papers?${button.dataset.query}&from=${button.dataset.from}`);
  const list = button.closest(".cd-browse");
  if (!list) return; // the list has been replaced since
  const page = new DOMParser().parseFromString(html, "text/html");
  if (!ok) {
    button.disabled = false;
    list.querySelectorAll(".cd-notice").forEach((old) => old.remove());
    button.parentElement.after(...page.body.children);
    return;
  }
  const rows = [...page.querySelectorAll(".cd-rows > li")];
  list.querySelector(".cd-rows").append(...rows);
  list.querySelector(".cd-browse-count").textContent = page.querySelector(".cd-browse-count").textContent;
  const more = page.querySelector(".cd-browse-more");
  if (more) button.parentElement.replaceWith(more);
  else button.parentElement.remove();
  rows[0]?.querySelector("summary").focus();
}

// The map

const marks = (map) => [...map.querySelectorAll(".cd-point")];
const isShown = (mark) => !mark.matches(".cd-out") && !mark.closest(".cd-back");

function enter(map, mark) {
  for (const other of map.querySelectorAll('.cd-point[tabindex="0"]')) other.setAttribute("tabindex", "-1");
  mark.setAttribute("tabindex", "0");
}

function place(mark) {
  const box = mark.getBoundingClientRect();
  return [box.x + box.width / 2, box.y + box.height / 2];
}

function neighbour(map, mark, [right, down]) {
  const [x, y] = place(mark);
  let best = null, least = Infinity;
  for (const other of marks(map)) {
    if (other === mark || !isShown(other)) continue;
    const [otherX, otherY] = place(other);
    const along = (otherX - x) * right + (otherY - y) * down;
    const across = Math.abs((otherX - x) * down) + Math.abs((otherY - y) * right);
    if (along > 0 && along + 2 * across < least) [best, least] = [other, along + 2 * across];
  }
  return best;
}

async function openPoint(mark) {
  const map = mark.closest(".cd-map");
  const panel = map.querySelector(".cd-map-panel");
  for (const other of map.querySelectorAll(".cd-point[aria-current]")) other.removeAttribute("aria-current");
  mark.setAttribute("aria-current", "true");
  enter(map, mark);
  await fetchPaper(panel, mark.dataset.paper);
  panel.focus({ preventScroll: true });
  panel.scrollIntoView({ block: "nearest", behavior: scrolling() });
}

function nearest(svg, event) {
  let best = null, least = NEAR;
  for (const mark of marks(svg).filter(isShown)) {
    const [x, y] = place(mark);
    const distance = Math.hypot(x - event.clientX, y - event.clientY);
    if (distance < least) [best, least] = [mark, distance];
  }
  return best;
}

function toggleTopic(key) {
  const map = key.closest(".cd-map");
  const chosen = key.getAttribute("aria-pressed") === "true" ? null : key.dataset.topic;
  for (const each of map.querySelectorAll(".cd-key")) {
    each.setAttribute("aria-pressed", String(each.dataset.topic === chosen));
  }
  for (const each of map.querySelectorAll(".cd-topic, .cd-label")) {
    each.classList.toggle("cd-back", chosen !== null && each.dataset.topic !== chosen);
  }
  keepEntrance(map);
}

function keepEntrance(map) {
  const entrance = map.querySelector('.cd-point[tabindex="0"]');
  if (entrance && isShown(entrance)) return;
  const first = marks(map).find(isShown);
  if (first) enter(map, first);
}

function tip(mark) {
  const box = mark.closest(".cd-map-box");
  const shown = box.querySelector(".cd-map-tip");
  const around = box.getBoundingClientRect();
  const [x, y] = place(mark);
  shown.textContent = mark.getAttribute("aria-label");
  shown.hidden = false;
  const half = shown.offsetWidth / 2;
  const left = Math.min(Math.max(x - around.x, half), around.width - half);
  const above = y - around.y - shown.offsetHeight - 12;
  shown.style.left = `${left}px`;
  shown.style.top = `${above < 0 ? y - around.y + 14 : above}px`;
}

function hideTips() {
  for (const shown of document.querySelectorAll(".cd-map-tip")) shown.hidden = true;
}

for (const kind of ["mouseover", "focusin"]) {
  document.addEventListener(kind, (event) => {
    const mark = event.target.closest?.(".cd-point");
    if (mark) tip(mark);
    else if (kind === "mouseover") hideTips();
  });
}
document.addEventListener("focusout", (event) => event.target.closest?.(".cd-point") && hideTips());

document.addEventListener("keydown", (event) => {
  const mark = event.target.closest?.(".cd-point");
  if (!mark) return leavePanel(event);
  const map = mark.closest(".cd-map");
  if (event.key === "Enter" || event.key === " ") {
    event.preventDefault();
    openPoint(mark);
    return;
  }
  if (event.key === "Escape") return hideTips();
  const shown = marks(map).filter(isShown);
  const ends = { Home: shown[0], End: shown[shown.length - 1] };
  const next = ARROWS[event.key] ? neighbour(map, mark, ARROWS[event.key]) : ends[event.key];
  if (!ARROWS[event.key] && !(event.key in ends)) return;
  event.preventDefault();
  if (next) {
    enter(map, next);
    next.focus();
  }
});

function leavePanel(event) {
  const panel = event.key === "Escape" && event.target.closest?.(".cd-map-panel");
  if (panel) panel.closest(".cd-map").querySelector(".cd-point[aria-current]")?.focus();
}

// Clicks

document.addEventListener("click", (event) => {
  const actor = event.target.closest?.("[data-action^='browse-']");
  const svg = event.target.closest?.(".cd-map-svg");
  const mark = svg && (actor && isShown(actor) ? actor : nearest(svg, event));
  if (mark) return openPoint(mark);
  if (!actor || svg) return;
  if (actor.dataset.action === "browse-more") showMore(actor);
  if (actor.dataset.action === "browse-topic") toggleTopic(actor);
});

// Synchronise the map with the list: marks of papers that were not found are dimmed.

let seen = "";
let waiting = false;

function follow() {
  waiting = false;
  const list = document.querySelector("[data-browse-points]");
  const svg = document.querySelector(".cd-map-svg");
  if (list) seen = list.dataset.browsePoints;
  if (!svg || !seen || svg.dataset.follows === seen) return;
  svg.dataset.follows = seen;
  const found = new Set(seen.split(" ").map(Number));
  marks(svg).forEach((mark, place) => mark.classList.toggle("cd-out", seen !== "all" && !found.has(place)));
  keepEntrance(svg.closest(".cd-map"));
}

new MutationObserver(() => {
  if (!waiting) requestAnimationFrame(follow);
  waiting = true;
}).observe(document.documentElement, { childList: true, subtree: true });
