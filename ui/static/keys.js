// The keys, shown by `?`, and the link that skips to the question.

const KEYS = [
  ["/", "Go to the question field"],
  ["Enter", "Ask; Shift+Enter begins a new line"],
  ["Esc", "Stop an answer; close details or an edit"],
  ["Tab", "Go from one part of an answer to the next"],
  ["↑ ↓", "Go from paper to paper"],
  ["← →", "Go along numbers, buttons and tabs"],
  ["Space", "Select a paper, when its check box has the focus"],
  ["?", "Show these keys"],
];

let dialog;

function build() {
  dialog = document.createElement("dialog");
  dialog.className = "cd-keys";
  dialog.setAttribute("aria-labelledby", "cd-keys-title");
  const title = Object.assign(document.createElement("h2"), { id: "cd-keys-title", textContent: "Keys" });
  const list = document.createElement("dl");
  for (const [key, does] of KEYS) {
    const row = document.createElement("div");
    const name = document.createElement("dt");
    name.append(Object.assign(document.createElement("kbd"), { textContent: key }));
    row.append(name, Object.assign(document.createElement("dd"), { textContent: does }));
    list.append(row);
  }
  const form = Object.assign(document.createElement("form"), { method: "dialog" });
  form.append(Object.assign(document.createElement("button"), { textContent: "Close", className: "cd-button" }));
  dialog.append(title, list, form);
  document.body.append(dialog);
}

export function showKeys() {
  if (!dialog) build();
  if (!dialog.open) dialog.showModal();
}

document.addEventListener("click", (event) => {
  const pressed = event.target.closest?.("[data-action]");
  if (pressed?.dataset.action === "keys") showKeys();
  if (event.target === dialog) dialog.close(); // the backdrop
  if (pressed?.dataset.action !== "skip") return;
  event.preventDefault(); // the page's base address is not this page's
  document.dispatchEvent(new CustomEvent("citedesk:focus"));
});
