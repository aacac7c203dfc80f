// One Tab stop for each toolbar, for the markers of a text, and for the rows of an answer; arrows move inside.

const ITEMS = "button, a[href], input, select";
const GROUPS = '[role="toolbar"], .cd-prose, .cd-compare';
const ROWS = ".cd-answer-rows";

const shown = (element) => element.checkVisibility() && !element.disabled;

function itemsOf(group) {
  return [...group.querySelectorAll(ITEMS)].filter(shown);
}

function rowsOf(list) {
  return [...list.children].filter((each) => each.matches(".cd-row") && shown(each));
}

// Let Tab pass the rest of the group that has the focus.
function enter(all, current) {
  for (const each of all) each.tabIndex = current.includes(each) ? 0 : -1;
}

function step(key, at, count) {
  return { ArrowLeft: at - 1, ArrowUp: at - 1, ArrowRight: at + 1, ArrowDown: at + 1, Home: 0, End: count - 1 }[key];
}

function move(event, items, at) {
  const next = items[step(event.key, at, items.length)];
  if (!next) return;
  event.preventDefault();
  next.focus();
}

document.addEventListener("focusin", (event) => {
  const row = event.target.closest?.(`${ROWS} > .cd-row`);
  const group = event.target.closest?.(GROUPS);
  if (row) enter(itemsOf(row.parentElement), itemsOf(row));
  else if (group && event.target.matches(ITEMS)) enter(itemsOf(group), [event.target]);
});

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || !event.target.matches?.(ITEMS)) return;
  const row = event.target.closest(`${ROWS} > .cd-row`);
  const group = event.target.closest(GROUPS);
  if (row && !event.target.closest(".cd-details") && ["ArrowUp", "ArrowDown"].includes(event.key)) {
    const rows = rowsOf(row.parentElement);
    const kind = [".cd-pick", ".cd-row-title a", "[data-action='details']"].find((each) => event.target.matches(each));
    const same = rows.map((each) => each.querySelector(kind ?? "[data-action='details']"));
    move(event, same, rows.indexOf(row));
  } else if (group && !event.target.matches("select")) {
    const items = itemsOf(group);
    move(event, items, items.indexOf(event.target));
  }
});
