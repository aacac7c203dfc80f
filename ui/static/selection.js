// Papers selected by their check boxes, in answers and in the Browse tab, and what can be done with them.

import { about, ask } from "./asking.js";
import { FORMATS, saveFile } from "./files.js";
import { keep } from "./reading_list.js";
import { say } from "./announce.js";

const MOST_COMPARED = 4;
const PICKED = ".cd-pick:checked";
const LONGEST_NAME = 40;

let bar;

// Return the selected papers, each once.
function selected() {
  const found = new Map();
  for (const box of document.querySelectorAll(PICKED)) {
    const { paper, title, n, quotes } = box.closest("[data-paper]").dataset;
    if (!found.has(paper)) found.set(paper, { paper_id: paper, title, n: n ? Number(n) : null, quotes });
  }
  return [...found.values()];
}

// Return the name that a title gives before its colon, else the title.
function nameOf({ title }) {
  const [head] = title.split(":");
  return head.length <= LONGEST_NAME ? head.trim() : `“${title}”`;
}

function compare(papers) {
  const names = papers.map(nameOf);
  const question = `Compare ${names.slice(0, -1).join(", ")} and ${names.at(-1)}`;
  ask(question, { kind: "compare", papers: papers.map((each) => each.paper_id) });
  clear();
}

function clear() {
  for (const box of document.querySelectorAll(PICKED)) box.checked = false;
  draw();
}

const ACTIONS = {
  "selected-compare": (papers) => compare(papers),
  "selected-about": (papers) => (about(papers), clear()),
  "selected-keep": (papers) => (keep(papers), clear()),
  "selected-clear": () => clear(),
};

function button(text, action) {
  const made = Object.assign(document.createElement("button"), { type: "button", textContent: text });
  made.className = "cd-button cd-small";
  made.dataset.action = `selected-${action}`;
  return made;
}

// A list of the formats, of which choosing one saves the papers.
function formats() {
  const list = Object.assign(document.createElement("select"), { ariaLabel: "Save the selected papers as" });
  const head = Object.assign(document.createElement("option"), { textContent: "Save as …", value: "" });
  const options = Object.entries(FORMATS).map(([value, { label }]) =>
    Object.assign(document.createElement("option"), { textContent: label, value }),
  );
  list.append(head, ...options);
  list.addEventListener("change", () => {
    if (list.value) saveFile(list.value, "selected papers", { papers: selected() });
    list.value = "";
  });
  return list;
}

function draw() {
  const papers = selected();
  if (!bar) {
    bar = Object.assign(document.createElement("div"), { id: "cd-selection", className: "cd-selection" });
    bar.setAttribute("role", "toolbar");
    bar.setAttribute("aria-label", "Selected papers");
    document.body.append(bar);
  }
  bar.hidden = !papers.length;
  if (bar.hidden) return bar.replaceChildren();
  const count = Object.assign(document.createElement("span"), { textContent: `${papers.length} selected` });
  const tools = [button("Ask about", "about"), button("Keep", "keep")];
  if (papers.length > 1 && papers.length <= MOST_COMPARED) tools.unshift(button("Compare", "compare"));
  bar.replaceChildren(count, ...tools, formats(), button("Clear", "clear"));
}

function pickAll(pressed) {
  const list = pressed.closest("[data-part], .cd-browse");
  const boxes = [...list.querySelectorAll(".cd-pick")].filter((box) => !box.closest(".cd-details, .cd-paper-body"));
  const all = boxes.every((box) => box.checked);
  for (const box of boxes) box.checked = !all;
  draw();
  say(`${selected().length} papers are selected.`);
}

document.addEventListener("change", (event) => {
  if (!event.target.matches?.(".cd-pick")) return;
  draw();
  say(`${selected().length} selected. What can be done with them is at the end of the page.`);
});
document.addEventListener("click", (event) => {
  const pressed = event.target.closest?.("[data-action]");
  if (pressed?.dataset.action === "pick-all") pickAll(pressed);
  ACTIONS[pressed?.dataset.action]?.(selected(), pressed);
});
document.addEventListener("citedesk:drawn", () => bar && draw()); // rows were replaced or removed
