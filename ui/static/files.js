// Copying and downloading the content of an exchange.

import { say } from "./announce.js";
import { LOGGED_OUT, isLoggedOut } from "./status.js";

export const FORMATS = {
  bibtex: { label: "BibTeX", ending: "bib", type: "application/x-bibtex;charset=utf-8", before: "" },
  ris: { label: "RIS", ending: "ris", type: "application/x-research-info-systems;charset=utf-8", before: "" },
  csl: { label: "CSL-JSON", ending: "json", type: "application/vnd.citationstyles.csl+json;charset=utf-8", before: "" },
  csv: { label: "CSV", ending: "csv", type: "text/csv;charset=utf-8", before: "\ufeff" }, // the BOM tells spreadsheets UTF-8
  markdown: { label: "Markdown", ending: "md", type: "text/markdown;charset=utf-8", before: "" },
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

// Save papers as a file that the server makes: `what` is {papers: [{paper_id, n, quotes}]} or {query} of the Browse tab.
export async function saveFile(format, title, what) {
  const { ending, type, before } = FORMATS[format];
  let text;
  try {
    const body = JSON.stringify({ format, title, ...what });
    const headers = { "Content-Type": "application/json" };
    const reply = await fetch(new URL("page/export", document.baseURI), { method: "POST", headers, body });
    text = await reply.text();
    if (isLoggedOut(reply)) throw new Error(LOGGED_OUT);
    if (!reply.ok) throw new Error(text);
  } catch (error) {
    say(`Nothing was saved: ${error.message}`);
    return;
  }
  const name = `citedesk-${slug(title)}.${ending}`;
  download(name, before + text, type);
  say(`Saved as ${name}.`);
}

function save(exchange, format) {
  const title = exchange.dataset.question;
  const { ending, type } = FORMATS.markdown;
  if (format !== "markdown") return saveFile(format, title, { papers: papersOf(exchange) });
  download(`citedesk-${slug(title)}.${ending}`, held(exchange, "cd-exports").markdown, type);
  say(`Saved as citedesk-${slug(title)}.${ending}.`);
}

function papersOf(exchange) {
  const rows = [...exchange.querySelectorAll("[data-part='papers'] .cd-row")].map((row) => row.dataset);
  return rows.map(({ paper, n, quotes }) => ({ paper_id: paper, n: Number(n), quotes }));
}

document.addEventListener("click", (event) => {
  const button = event.target.closest?.("[data-action]");
  const exchange = button?.closest(".cd-exchange");
  if (!button) return;
  if (button.dataset.action === "copy-bibtex") copy(button.dataset.bibtex, button);
  else if (button.dataset.action === "browse-export") saveFile(button.dataset.format, "papers", { query: button.dataset.query });
  else if (!exchange) return;
  else if (button.dataset.action === "copy-answer") copy(held(exchange, "cd-exports").text, button);
  else if (button.dataset.action === "copy-link") copy(permalink(exchange), button);
  else if (button.dataset.action === "export") save(exchange, button.dataset.format);
});
