// The list of conversations beside the exchanges: new, choose, export, delete.

import { download, held, slug } from "./files.js";
import { tab } from "./storage.js";
import * as store from "./conversation_store.js";

const OPEN = "citedesk:open"; // storage key: the conversation that this tab shows, kept across reloads
const NOTE = "Kept in this browser only.";

export class Kept {
  // `shown` is called with the conversation to show, or with null for a new one.
  constructor(place, shown) {
    this.place = place;
    this.shown = shown;
    this.current = null;
    place.addEventListener("click", (event) => this.act(event.target.closest("button[data-kept]")));
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
    const list = element("ul", { className: "cd-kept-list" });
    for (const each of found) list.append(this.entry(each));
    const tools = element("div", { className: "cd-kept-tools" });
    tools.append(this.button("new", "", "New conversation"));
    if (found.some((each) => each.id === this.current)) tools.append(this.button("export", this.current, "Export as Markdown"));
    if (found.length) tools.append(this.button("clear", "", "Delete all"));
    const note = element("p", { className: "cd-kept-note", textContent: this.failure ?? NOTE });
    details.append(element("summary", { textContent: `Conversations (${found.length})` }), tools, list, note);
    this.place.replaceChildren(details);
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
    if (conversation.id === this.current) choose.setAttribute("aria-current", "true");
    const drop = this.button("delete", conversation.id, "×");
    drop.setAttribute("aria-label", `Delete: ${conversation.title}`);
    item.append(choose, drop);
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
    const found = (await this.all()).find((each) => each.id === id);
    if (act === "new") this.choose(null);
    if (act === "choose" && found) this.choose(found);
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
