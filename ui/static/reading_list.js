// The reading list: papers kept in this browser, one list for each user.

import { about } from "./asking.js";
import { FORMATS, saveFile } from "./files.js";
import { say } from "./announce.js";
import { browser } from "./storage.js";

const KEY = "citedesk:reading";
const MOST = 500;

let owner = "";
let list = [];

const key = () => (owner ? `${KEY}:${owner}` : KEY);

function read() {
  try {
    const stored = JSON.parse(browser.get(key()) ?? "[]");
    return Array.isArray(stored) ? stored.filter((each) => typeof each?.paper_id === "string") : [];
  } catch {
    return [];
  }
}

function write(papers) {
  list = papers.slice(0, MOST);
  browser.set(key(), JSON.stringify(list));
  draw();
}

// Show the list of a user, "" without a login.
export function openReadingList(user) {
  owner = user;
  list = read();
  draw();
}

const isKept = (paperId) => list.some((each) => each.paper_id === paperId);

// Add papers, each {paper_id, title}.
export function keep(papers) {
  const fresh = papers.filter((each) => !isKept(each.paper_id)).map(({ paper_id, title }) => ({ paper_id, title }));
  write([...fresh, ...read()]);
  say(`The reading list has ${list.length} papers.`);
}

function drop(paperId) {
  write(read().filter((each) => each.paper_id !== paperId));
  say("Removed from the reading list.");
}

function button(text, action, data = {}, label = "") {
  const made = Object.assign(document.createElement("button"), { type: "button", textContent: text });
  Object.assign(made.dataset, { action: `reading-${action}`, ...data });
  if (label) made.setAttribute("aria-label", label);
  return made;
}

function entry(paper) {
  const item = document.createElement("li");
  const title = button(paper.title, "about", { paper: paper.paper_id }, `Ask about: ${paper.title}`);
  title.dir = "auto";
  title.title = paper.title;
  item.append(title, button("×", "drop", { paper: paper.paper_id }, `Remove: ${paper.title}`));
  return item;
}

export function draw() {
  for (const each of document.querySelectorAll("[data-action='keep']")) {
    const kept = isKept(each.dataset.paper);
    each.setAttribute("aria-pressed", String(kept));
    each.textContent = kept ? "Kept for reading" : "Keep for reading";
  }
  const place = document.getElementById("cd-reading");
  if (!place) return;
  const open = place.querySelector("details")?.open ?? false;
  const fold = Object.assign(document.createElement("details"), { open });
  const head = Object.assign(document.createElement("summary"), { textContent: `Reading list (${list.length})` });
  const entries = Object.assign(document.createElement("ul"), { className: "cd-kept-list" });
  entries.append(...list.map(entry));
  const tools = Object.assign(document.createElement("div"), { className: "cd-kept-tools" });
  if (list.length) {
    tools.setAttribute("role", "toolbar");
    tools.setAttribute("aria-label", "The reading list");
    const formats = Object.entries(FORMATS).map(([format, { label }]) => button(label, "export", { format }));
    tools.append(button("Ask about these", "about-all"), ...formats);
  }
  const note = Object.assign(document.createElement("p"), { className: "cd-kept-note" });
  note.textContent = list.length ? "Kept in this browser only." : "“Keep for reading” in a paper’s details adds it here.";
  fold.append(head, tools, entries, note);
  place.replaceChildren(fold);
}

const ACTIONS = {
  keep: ({ paper, title }) => (isKept(paper) ? drop(paper) : keep([{ paper_id: paper, title }])),
  "reading-drop": ({ paper }) => drop(paper),
  "reading-about": ({ paper }) => about(list.filter((each) => each.paper_id === paper)),
  "reading-about-all": () => about(list),
  "reading-export": ({ format }) => saveFile(format, "reading list", { papers: list }),
};

document.addEventListener("click", (event) => {
  const pressed = event.target.closest?.("[data-action]");
  ACTIONS[pressed?.dataset.action]?.(pressed.dataset);
});
addEventListener("storage", (event) => {
  if (event.key !== key()) return;
  list = read(); // another tab has changed it
  draw();
});
