// Copying and downloading the content of an exchange.

import { say } from "./announce.js";

const FILES = {
  csv: { ending: "csv", type: "text/csv;charset=utf-8", before: "\ufeff" }, // spreadsheets detect UTF-8 by the BOM
  bibtex: { ending: "bib", type: "application/x-bibtex;charset=utf-8", before: "" },
  markdown: { ending: "md", type: "text/markdown;charset=utf-8", before: "" },
};
const COPIED_MS = 2000;
const LONGEST_NAME = 48;

export function held(exchange, css) {
  const script = exchange?.querySelector(`script.${css}`);
  return script ? JSON.parse(script.textContent) : null;
}

export function slug(question) {
  const words = question.normalize("NFKD").toLowerCase().match(/[\p{L}\p{N}]+/gu) || [];
  return words.join("-").slice(0, LONGEST_NAME).replace(/-+$/, "") || "answer";
}

export function download(name, text, type) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type }));
  link.download = name;
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

export async function copy(text, button) {
  try {
    await write(text);
  } catch {
    say("Nothing was copied: the browser does not allow it.");
    return;
  }
  const label = button.dataset.label || button.textContent;
  button.dataset.label = label;
  button.textContent = "Copied";
  say("Copied.");
  setTimeout(() => (button.textContent = label), COPIED_MS);
}

async function write(text) {
  if (navigator.clipboard && isSecureContext) return navigator.clipboard.writeText(text);
  const area = document.createElement("textarea"); // fallback: plain http has no clipboard API
  area.value = text;
  area.className = "cd-hidden";
  document.body.append(area);
  const focused = document.activeElement;
  area.select();
  const done = document.execCommand("copy");
  area.remove();
  focused?.focus({ preventScroll: true });
  if (!done) throw new Error("not copied");
}

function permalink(exchange) {
  const url = new URL(location.href);
  url.search = `?q=${encodeURIComponent(exchange.dataset.question)}`;
  const set = exchange.dataset.overrides;
  if (set && set !== "{}") url.search += `&set=${encodeURIComponent(set)}`;
  url.hash = "";
  return url.href;
}

function save(exchange, format) {
  const texts = held(exchange, "cd-exports");
  const { ending, type, before } = FILES[format];
  const name = `citedesk-${slug(exchange.dataset.question)}.${ending}`;
  download(name, before + texts[format], type);
  say(`Saved as ${name}.`);
}

document.addEventListener("click", (event) => {
  const button = event.target.closest?.("[data-action]");
  const exchange = button?.closest(".cd-exchange");
  if (!button) return;
  if (button.dataset.action === "copy-bibtex") copy(button.dataset.bibtex, button);
  else if (!exchange) return;
  else if (button.dataset.action === "copy-answer") copy(held(exchange, "cd-exports").text, button);
  else if (button.dataset.action === "copy-link") copy(permalink(exchange), button);
  else if (button.dataset.action === "export") save(exchange, button.dataset.format);
});
