// The papers of an answer as a table, made of their rows: columns can be chosen, sorted, and saved as CSV.

import { download, slug } from "./files.js";
import { say } from "./announce.js";

const COLUMNS = [
  { name: "Number", key: (row) => row.dataset.n, cell: (row) => copy(row, ".cd-n") },
  { name: "Title", key: (row) => row.dataset.title, cell: (row) => copy(row, ".cd-row-title > :last-child") },
  { name: "Date", first: "descending", key: (row) => date(row), cell: (row) => date(row) },
  { name: "Authors", key: (row) => text(row, ".cd-authors"), cell: (row) => copy(row, ".cd-authors") },
  { name: "Venue", key: (row) => text(row, ".cd-venue"), cell: (row) => copy(row, ".cd-venue") },
  { name: "Code", key: (row) => row.querySelector(".cd-code a")?.href, cell: (row) => copy(row, ".cd-code") },
  { name: "Probability", first: "descending", key: (row) => row.dataset.score, cell: (row) => percent(row.dataset.score) },
  { name: "Sentence", off: true, key: (row) => text(row, ".cd-says"), cell: (row) => copy(row, ".cd-says") },
];
const FORMULA = /^[=+\-@|%\t\r]/; // a spreadsheet would evaluate the cell

const text = (row, selector) => row.querySelector(selector)?.textContent.trim() ?? "";
const date = (row) => row.querySelector(".cd-date time")?.dateTime ?? "";
const percent = (score) => (score ? `${Math.round(100 * Math.min(score, 0.99))} %` : "");

function copy(row, selector) {
  const found = row.querySelector(selector);
  return found ? found.cloneNode(true) : "";
}

function element(name, properties = {}, ...children) {
  const made = Object.assign(document.createElement(name), properties);
  made.append(...children);
  return made;
}

function build(part) {
  const rows = [...part.querySelectorAll(".cd-answer-rows > .cd-row")];
  const columns = COLUMNS.filter((column) => rows.some(column.key));
  const head = element("tr", {}, ...columns.map(heading));
  const body = rows.map((row) => element("tr", {}, ...columns.map((column) => cell(column, row))));
  const table = element("table", { className: "cd-table" }, element("thead", {}, head), element("tbody", {}, ...body));
  const box = element("div", { className: "cd-wide", tabIndex: 0 }, table);
  box.setAttribute("role", "region");
  box.setAttribute("aria-label", "Papers as a table");
  const view = element("div", { className: "cd-table-view" }, chooser(columns, table), box);
  columns.forEach((column, at) => column.off && show(table, at, false));
  return view;
}

function heading(column, at) {
  const button = element("button", { type: "button", className: "cd-sort", textContent: column.name });
  Object.assign(button.dataset, { action: "sort", column: at, first: column.first ?? "ascending" });
  const head = element("th", { scope: "col" }, button);
  head.setAttribute("aria-sort", column.name === "Number" ? "ascending" : "none");
  return head;
}

function cell(column, row) {
  const made = element("td", {}, column.cell(row));
  made.dataset.sort = column.key(row) ?? "";
  return made;
}

function chooser(columns, table) {
  const boxes = columns.map((column, at) => {
    const box = element("input", { type: "checkbox", checked: !column.off });
    box.addEventListener("change", () => show(table, at, box.checked));
    return element("label", {}, box, ` ${column.name}`);
  });
  const save = element("button", { type: "button", className: "cd-button cd-small cd-quiet", textContent: "Save table as CSV" });
  save.dataset.action = "table-csv";
  return element("div", { className: "cd-columns" }, element("span", {}, "Columns"), ...boxes, save);
}

function show(table, at, shown) {
  for (const row of table.rows) row.cells[at].hidden = !shown;
}

function csv(table) {
  const lines = [...table.rows].map((row) => [...row.cells].filter((each) => !each.hidden).map(quoted));
  return lines.map((line) => `${line.join(",")}\r\n`).join("");
}

function quoted(cell) {
  const value = (cell.dataset.sort ?? cell.textContent).replace(/\s+/g, " ").trim();
  return `"${(FORMULA.test(value) ? `'${value}` : value).replaceAll('"', '""')}"`;
}

function toggle(button) {
  const part = button.closest("[data-part]");
  const shown = button.getAttribute("aria-pressed") !== "true";
  button.setAttribute("aria-pressed", String(shown));
  part.querySelector(".cd-table-view")?.remove();
  part.classList.toggle("cd-as-a-table", shown);
  if (shown) part.querySelector(".cd-rows-bar").after(build(part));
  say(shown ? "The papers are shown as a table." : "The papers are shown as rows.");
}

// Open the tables that a question has asked for, once.
document.addEventListener("citedesk:drawn", () => {
  for (const button of document.querySelectorAll("[data-action='table'][data-asked]")) {
    delete button.dataset.asked;
    toggle(button);
  }
});
document.addEventListener("click", (event) => {
  const button = event.target.closest?.("[data-action]");
  if (button?.dataset.action === "table") toggle(button);
  if (button?.dataset.action !== "table-csv") return;
  const name = `citedesk-${slug(button.closest(".cd-exchange").dataset.question)}-table.csv`;
  download(name, `\ufeff${csv(button.closest(".cd-table-view").querySelector("table"))}`, "text/csv;charset=utf-8");
  say(`Saved as ${name}.`);
});
