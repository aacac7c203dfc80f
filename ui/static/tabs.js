// Arrow keys move between tabs, as screen readers announce; Gradio 6.31 handles clicks only.

const STEPS = { ArrowLeft: -1, ArrowRight: 1 };
const KEYS = new Set([...Object.keys(STEPS), "Home", "End"]);

document.addEventListener("keydown", (event) => {
  const tab = event.target.closest?.('[role="tab"]');
  if (!tab || event.ctrlKey || event.metaKey || event.altKey || !KEYS.has(event.key)) return;
  const all = [...tab.closest('[role="tablist"]').querySelectorAll('[role="tab"]')].filter((each) => each.checkVisibility());
  const ends = { Home: all[0], End: all.at(-1) };
  const next = ends[event.key] ?? all.at((all.indexOf(tab) + STEPS[event.key]) % all.length);
  event.preventDefault();
  next.click();
  next.focus();
});
