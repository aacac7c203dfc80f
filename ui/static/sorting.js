// Tables that sort by the buttons in their headings; empty cells stay last.

import { say } from "./announce.js";

const ORDER = new Intl.Collator(undefined, { numeric: true, sensitivity: "base" });

function sort(button) {
  const head = button.closest("th");
  const table = button.closest("table");
  const column = Number(button.dataset.column);
  const now = head.getAttribute("aria-sort");
  const falling = now === "none" ? button.dataset.first === "descending" : now === "ascending";
  const key = (row) => row.cells[column].dataset.sort;
  const rows = [...table.tBodies[0].rows];
  rows.sort((a, b) => {
    if (!key(a) || !key(b)) return Number(!key(a)) - Number(!key(b));
    return ORDER.compare(key(a), key(b)) * (falling ? -1 : 1);
  });
  table.tBodies[0].append(...rows);
  for (const each of table.tHead.rows[0].cells) each.setAttribute("aria-sort", "none");
  head.setAttribute("aria-sort", falling ? "descending" : "ascending");
  say(`Sorted by ${button.textContent.replace("#", "").trim()}, ${falling ? "descending" : "ascending"}.`);
}

document.addEventListener("click", (event) => {
  const button = event.target.closest?.("[data-action='sort']");
  if (button) sort(button);
});
