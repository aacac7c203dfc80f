// Actions that ask a question: edit, retry, follow-ups, and changes to how a question was understood.

const FIELDS = { author_count: ["least_authors", "most_authors"] }; // constraints that consist of several filters

function overridesOf(exchange) {
  try {
    return JSON.parse(exchange.dataset.overrides || "{}");
  } catch {
    return {};
  }
}

export function ask(question, overrides = {}, replaces = null) {
  document.dispatchEvent(new CustomEvent("citedesk:ask", { detail: { question, overrides, replaces } }));
}

// Fill the composer with a scope, and ask nothing yet; `papers` are {paper_id, title}.
export function about(papers) {
  document.dispatchEvent(new CustomEvent("citedesk:about", { detail: { papers } }));
}

function again(exchange, overrides) {
  ask(exchange.dataset.question, overrides, exchange.id);
}

function lifted(overrides, name) {
  if (name === "papers" && overrides.papers) return { ...overrides, papers: undefined };
  const filters = { ...overrides.filters };
  for (const field of FIELDS[name] || [name]) delete filters[field];
  return { ...overrides, filters, drop: [...new Set([...(overrides.drop || []), name])] };
}

function withFilter(overrides, name, value) {
  const drop = (overrides.drop || []).filter((each) => each !== name);
  return { ...overrides, filters: { ...overrides.filters, [name]: value }, drop };
}

function constrained(form, overrides) {
  for (const input of form.querySelectorAll("input[name]")) {
    const value = input.value.trim();
    if (value === input.defaultValue) continue;
    overrides = value ? withFilter(overrides, input.name, value) : lifted(overrides, input.name);
  }
  return overrides;
}

function setEditing(exchange, editing) {
  const form = exchange.querySelector("form.cd-edit");
  const button = exchange.querySelector("[data-action='edit']");
  if (editing) form.scrollIntoView({ block: "nearest" });
  form.hidden = !editing;
  button.setAttribute("aria-expanded", String(editing));
  const area = form.querySelector("textarea");
  if (!editing) {
    area.value = exchange.dataset.question;
    button.focus();
    return;
  }
  area.focus();
  area.setSelectionRange(area.value.length, area.value.length);
}

const ACTIONS = {
  edit: (exchange) => setEditing(exchange, exchange.querySelector("form.cd-edit").hidden),
  retry: (exchange) => again(exchange, overridesOf(exchange)),
  follow: (_, button) => ask(button.dataset.question),
  lift: (exchange, button) => again(exchange, lifted(overridesOf(exchange), button.dataset.name)),
  code: (exchange) => again(exchange, withFilter(overridesOf(exchange), "code", true)),
  "as-is": (exchange) => again(exchange, { ...overridesOf(exchange), as_is: !overridesOf(exchange).as_is }),
  reset: (exchange) => again(exchange, {}),
};

document.addEventListener("click", (event) => {
  const button = event.target.closest?.("[data-action]");
  const exchange = button?.closest(".cd-exchange");
  if (!button) return;
  if (button.dataset.action === "about") about([{ paper_id: button.dataset.paper, title: button.dataset.title }]);
  if (!exchange) return;
  if (button.dataset.action === "cancel" && button.closest("form.cd-edit")) setEditing(exchange, false);
  else if (Object.hasOwn(ACTIONS, button.dataset.action)) ACTIONS[button.dataset.action](exchange, button);
});
document.addEventListener("change", (event) => {
  const exchange = event.target.closest?.(".cd-exchange");
  if (exchange && event.target.matches("select[data-action='kind']")) {
    again(exchange, { ...overridesOf(exchange), kind: event.target.value });
  }
});
document.addEventListener("submit", (event) => {
  const exchange = event.target.closest?.(".cd-exchange");
  const form = event.target.dataset?.form;
  if (!exchange || !["edit", "constraints"].includes(form)) return;
  event.preventDefault();
  if (form === "constraints") again(exchange, constrained(event.target, overridesOf(exchange)));
  else if (event.target.question.value.trim()) {
    ask(event.target.question.value.trim(), {}, exchange.id); // overrides applied to the old wording
  }
});
document.addEventListener("keydown", (event) => {
  const form = event.target.closest?.("form.cd-edit");
  if (!form || event.isComposing) return;
  if (event.key === "Enter" && !event.shiftKey) {
    event.preventDefault();
    form.requestSubmit();
  }
});
addEventListener(
  "keydown",
  (event) => {
    const form = event.target.closest?.("form.cd-edit");
    if (!form || event.key !== "Escape") return;
    event.stopPropagation(); // Escape cancels the edit, and must not stop an answer
    setEditing(form.closest(".cd-exchange"), false);
  },
  true,
);
