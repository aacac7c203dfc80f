// The list of conversations beside the exchanges: new, choose, search, pin, rename, export, delete.

import { download, held, slug } from "./files.js";
import { tab } from "./storage.js";
import * as store from "./conversation_store.js";

const OPEN = "citedesk:open"; // storage key: the conversation that this tab shows, kept across reloads
const NOTE = "Kept in this browser only.";
const SEARCHED = 4; // conversations above which they can be searched
const LONGEST_TITLE = 120;

// Return whether this tab shows a conversation again after a reload.
export const isReopening = () => Boolean(tab.get(OPEN));

export class Kept {
  // `shown` is called with the conversation to show, or with null for a new one; `changed` with an id and new values.
  constructor(place, shown, changed) {
    this.place = place;
    this.shown = shown;
    this.changed = changed;
    this.current = null;
    this.sought = "";
    place.addEventListener("click", (event) => this.act(event.target.closest("button[data-kept]")));
    place.addEventListener("input", (event) => event.target.type === "search" && this.seek(event.target.value));
  }

  async save(conversation) {
    this.hold(conversation.id);
    try {
      await store.put(conversation);
    } catch {
      this.failure = "This browser keeps nothing: conversations are lost when the page is closed.";
    }
    await this.draw();
  }

  async draw() {
    const found = await this.all();
    const open = this.place.querySelector("details")?.open ?? matchMedia("(min-width: 1100px)").matches;
    const details = element("details", { open });
    const tools = element("div", { className: "cd-kept-tools" });
    tools.setAttribute("role", "toolbar");
    tools.setAttribute("aria-label", "This conversation");
    tools.append(this.button("new", "", "New conversation"));
    const shown = found.find((each) => each.id === this.current);
    if (shown) {
      tools.append(this.button("rename", shown.id, "Rename"), this.button("pin", shown.id, shown.pinned ? "Unpin" : "Pin"));
      tools.append(this.button("export", shown.id, "Export"), this.button("delete", shown.id, "Delete"));
    }
    if (found.length > 1) tools.append(this.button("clear", "", "Delete all"));
    const field = element("input", { type: "search", placeholder: "Search the conversations", value: this.sought });
    field.setAttribute("aria-label", "Search the conversations");
    const note = element("p", { className: "cd-kept-note", textContent: this.failure ?? NOTE });
    this.list = element("ul", { className: "cd-kept-list" });
    this.found = found;
    this.fill();
    details.append(element("summary", { textContent: `Conversations (${found.length})` }), tools);
    if (found.length > SEARCHED) details.append(field);
    details.append(this.list, note);
    this.place.replaceChildren(details);
  }

  // Show the conversations whose title or questions have the words that are sought.
  fill() {
    const words = this.sought.toLowerCase().split(/\s+/).filter(Boolean);
    const text = (each) => [each.title, ...each.exchanges.map((one) => one.question)].join(" ").toLowerCase();
    const matching = this.found.filter((each) => words.every((word) => text(each).includes(word)));
    this.list.replaceChildren(...matching.map((each) => this.entry(each)));
    if (!matching.length && words.length) this.list.append(element("li", { textContent: "None has these words." }));
  }

  seek(text) {
    this.sought = text;
    this.fill();
  }

  async all() {
    try {
      return await store.all();
    } catch {
      return [];
    }
  }

  entry(conversation) {
    const item = element("li");
    const choose = this.button("choose", conversation.id, conversation.title);
    choose.dir = "auto";
    choose.title = conversation.title;
    if (conversation.pinned) choose.prepend(element("span", { textContent: "Pinned: ", className: "cd-pinned" }));
    if (conversation.id === this.current) choose.setAttribute("aria-current", "true");
    item.append(choose);
    return item;
  }

  button(act, id, text) {
    const button = element("button", { type: "button", textContent: text });
    button.dataset.kept = act;
    button.dataset.id = id;
    return button;
  }

  async act(button) {
    if (!button) return;
    const { kept: act, id } = button.dataset;
    if (act === "new") this.choose(null); // before the list is read: a question asked meanwhile belongs to the new one
    const found = (await this.all()).find((each) => each.id === id);
    if (act === "choose" && found) this.choose(found);
    if (act === "rename" && found) return this.rename(found);
    if (act === "pin" && found) await this.change(found, { pinned: !found.pinned });
    if (act === "export" && found) download(`citedesk-${slug(found.title)}.md`, toMarkdown(found), "text/markdown;charset=utf-8");
    // Leave the shown conversation before deleting it: an answer in progress saves it when it is stopped.
    if (act === "delete" && this.sure(button, "Delete?")) {
      if (id === this.current) this.choose(null);
      await store.remove(id);
    }
    if (act === "clear" && this.sure(button, "Delete all: sure?")) {
      this.choose(null);
      await store.clear();
    }
    if (!button.dataset.asked) await this.draw();
  }

  // Store a change of a conversation; the one that is shown is changed too, since it is saved again with each answer.
  async change(conversation, values) {
    this.changed(conversation.id, values);
    await store.put({ ...conversation, ...values });
  }

  // Let the title of the conversation be edited in place: Enter or leaving the field stores it, Escape does not.
  rename(conversation) {
    const field = element("input", { type: "text", value: conversation.title, maxLength: LONGEST_TITLE });
    field.setAttribute("aria-label", "Name of the conversation");
    let ended = false;
    const end = async (title) => {
      if (ended) return; // removing the field takes its focus away
      ended = true;
      field.remove();
      if (title && title !== conversation.title) await this.change(conversation, { title });
      await this.draw();
      this.place.querySelector('[data-kept="rename"]')?.focus();
    };
    field.addEventListener("keydown", (event) => {
      if (event.isComposing) return;
      if (event.key === "Enter") end(field.value.trim());
      if (event.key !== "Escape") return;
      event.preventDefault(); // Escape must not stop an answer
      end("");
    });
    field.addEventListener("blur", () => end(field.value.trim()));
    this.place.querySelector(".cd-kept-tools").after(field);
    field.select();
    field.focus();
  }

  choose(conversation) {
    this.shown(conversation); // first: it may stop an answer, which saves the conversation shown and makes it current
    this.hold(conversation?.id ?? null);
  }

  hold(id) {
    this.current = id;
    if (id) tab.set(OPEN, id);
    else tab.remove(OPEN);
  }

  // Show the conversation that this tab showed before a reload.
  async reopen() {
    const id = tab.get(OPEN);
    const found = id && (await this.all()).find((each) => each.id === id);
    if (found) this.choose(found);
    await this.draw();
  }

  // Require a second press, since the action cannot be undone.
  sure(button, text) {
    if (button.dataset.asked) {
      delete button.dataset.asked;
      return true;
    }
    button.dataset.asked = "yes";
    button.textContent = text;
    return false;
  }
}

function toMarkdown(conversation) {
  const texts = conversation.exchanges.map((each) => {
    const article = document.getElementById(each.id);
    return held(article, "cd-exports")?.markdown ?? `# ${each.question}\n\n(No answer.)\n`;
  });
  return texts.join("\n---\n\n");
}

function element(name, properties = {}) {
  return Object.assign(document.createElement(name), properties);
}
