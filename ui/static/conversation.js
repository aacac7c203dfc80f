// The exchanges of one conversation: sends questions, shows answers as they arrive, and saves both.

import { belong, draft, pending } from "./drafts.js";
import { held } from "./files.js";
import { Kept } from "./conversation_list.js";
import { handOver } from "./first_paint.js";
import { showKeys } from "./keys.js";
import { openReadingList } from "./reading_list.js";
import { say } from "./announce.js";
import { follow, user } from "./status.js";

const NEAR_END = 160; // pixels from the page's end within which the page scrolls along with a growing answer
const TOUCHED = matchMedia("(pointer: coarse)"); // focus would open the on-screen keyboard
const TELLING = ".cd-progress:not(:empty), .cd-refused-head, .cd-prose"; // announced when an answer ends
const SHOWN_NAMES = 2; // of the papers that a question is about

export function attach(gradio) {
  if (gradio.element.dataset.attached) return;
  gradio.element.dataset.attached = "yes";
  new Conversation(gradio);
}

class Conversation {
  constructor({ element, props, watch, ask, halt }) {
    this.asks = ask;
    this.halts = halt;
    this.place = element.querySelector("#cd-exchanges");
    this.field = element.querySelector("#cd-question");
    this.form = element.querySelector("#cd-composer");
    this.examples = element.querySelector("#cd-examples");
    this.scope = element.querySelector("#cd-scope");
    this.about = [];
    this.running = null;
    this.takeOver();
    this.kept = new Kept(element.querySelector("#cd-kept"), (chosen) => this.show(chosen), (id, values) => {
      if (id === this.conversation.id) Object.assign(this.conversation, values);
    });
    watch("exchange", () => this.take(props.exchange));
    document.addEventListener("citedesk:ask", (event) => this.ask(event.detail));
    this.listen();
    document.addEventListener("citedesk:about", (event) => this.narrow(event.detail.papers));
    document.addEventListener("citedesk:focus", () => this.toField());
    this.show(null);
    follow((state) => this.heard(state));
    this.begin();
  }

  // Take the place of the page's first paint, with what was typed there.
  takeOver() {
    const examples = document.querySelector("#cd-first .cd-examples");
    if (examples?.childElementCount) {
      this.examples.replaceChildren(...examples.childNodes);
      this.offered = true;
    }
    const { text, focused } = handOver();
    this.field.value = text;
    if (focused) this.field.focus({ preventScroll: true });
  }

  async begin() {
    this.user = await user;
    belong(this.user);
    openReadingList(this.user);
    this.field.value ||= draft.get();
    this.fit();
    const waits = pending();
    if (waits) this.kept.hold(null);
    await this.kept.reopen();
    if (waits) this.ask({ ...waits, focus: true });
  }

  listen() {
    this.field.addEventListener("input", () => {
      draft.set(this.field.value);
      this.fit();
    });
    this.field.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      this.form.requestSubmit();
    });
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      const question = this.field.value;
      if (!question.trim()) return;
      this.field.value = "";
      draft.set("");
      this.fit();
      const papers = this.about.map((each) => each.paper_id);
      this.narrow([], false);
      this.ask({ question, overrides: papers.length ? { papers } : {}, focus: true });
    });
    this.scope.addEventListener("click", (event) => event.target.closest("button") && this.narrow([]));
    document.addEventListener("click", (event) => {
      if (event.target.closest('[data-action="stop"]')) this.stop();
      const example = event.target.closest("#cd-examples [data-question]");
      if (example) this.ask({ question: example.dataset.question });
    });
    document.addEventListener("keydown", (event) => this.key(event));
  }

  key(event) {
    const typing = event.target.closest("input:not([type=checkbox], [type=radio]), textarea, select, [contenteditable=true]");
    if (event.key === "Escape" && this.running && !event.defaultPrevented) this.stop();
    if (typing || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "?") showKeys();
    if (event.key !== "/") return;
    event.preventDefault();
    this.toField();
  }

  toField() {
    document.querySelector('[role="tab"]')?.click();
    whenSeen(this.field, () => this.field.focus());
  }

  // Restrict the next question to papers, {paper_id, title}, and let it be typed; [] lifts the restriction.
  narrow(papers, focus = true) {
    this.about = papers;
    this.scope.hidden = !papers.length;
    const names = papers.slice(0, SHOWN_NAMES).map((each) => each.title).join("; ");
    const more = papers.length > SHOWN_NAMES ? ` and ${papers.length - SHOWN_NAMES} more` : "";
    const label = Object.assign(document.createElement("span"), { textContent: `About ${names}${more}`, dir: "auto" });
    const lift = Object.assign(document.createElement("button"), { type: "button", textContent: "×" });
    lift.setAttribute("aria-label", "Ask about all papers");
    this.scope.replaceChildren(...(papers.length ? [label, lift] : []));
    if (focus) this.toField();
  }

  // Fit the height of the field to its text.
  fit() {
    this.field.style.height = "auto";
    this.field.style.height = `${this.field.scrollHeight + 2}px`;
  }

  // With `focus`, the focus goes to the exchange, from where Tab leads through the answer.
  ask({ question, overrides = {}, replaces = null, focus = false }) {
    if (this.running) this.stop();
    const asked = question.trim();
    if (!asked) return;
    document.querySelector('[role="tab"]')?.click();
    const exchange = { id: freshId(), question: asked, overrides, parts: {} };
    const exchanges = this.conversation.exchanges;
    const at = exchanges.findIndex((each) => each.id === replaces);
    if (at >= 0) exchanges[at] = exchange;
    else exchanges.push(exchange);
    const earlier = exchanges.slice(0, exchanges.indexOf(exchange));
    const history = earlier.flatMap((each) => held(document.getElementById(each.id), "cd-receipt")?.turn ?? []);
    exchange.parts = { question: heading(asked), progress: progress("Asked …") };
    this.draw(exchange, at >= 0 ? document.getElementById(replaces) : null);
    this.run(exchange.id);
    const article = document.getElementById(exchange.id);
    whenSeen(article, () => {
      if (focus || TOUCHED.matches) article.focus({ preventScroll: true });
      article.scrollIntoView({ block: at >= 0 ? "nearest" : "start" });
    });
    this.keep();
    this.asks({ exchange_id: exchange.id, question: asked, overrides, history });
  }

  // Show the current state of an exchange.
  take(value) {
    const exchange = this.conversation.exchanges.find((each) => each.id === value?.id);
    if (!exchange || exchange.over) return;
    const follows = innerHeight + scrollY > document.documentElement.scrollHeight - NEAR_END;
    Object.assign(exchange, { parts: value.parts, overrides: value.overrides });
    this.draw(exchange);
    if (follows && this.place.lastElementChild?.id === exchange.id) this.place.lastElementChild.scrollIntoView();
    if (value.done) this.end(exchange);
  }

  stop(text = "Stopped. What had come by then is kept.") {
    const exchange = this.conversation.exchanges.find((each) => each.id === this.running);
    this.halts();
    if (!exchange) return;
    exchange.parts = { ...exchange.parts, progress: progress(text) };
    this.draw(exchange);
    this.end(exchange);
  }

  end(exchange) {
    exchange.over = true;
    this.run(null);
    this.keep();
    const told = document.getElementById(exchange.id).querySelector(TELLING);
    if (told) say(told.textContent);
  }

  keep() {
    this.conversation.at = Date.now();
    this.conversation.title ||= this.conversation.exchanges[0].question.slice(0, 120);
    this.kept.save(this.conversation);
  }

  run(id) {
    this.running = id;
    this.form.querySelector('[data-action="stop"]').hidden = !id;
    this.place.setAttribute("aria-busy", String(Boolean(id)));
  }

  show(chosen) {
    if (this.running) this.stop();
    this.conversation = chosen ?? { id: freshId(), title: "", at: Date.now(), exchanges: [] };
    this.place.replaceChildren();
    for (const exchange of this.conversation.exchanges) {
      if (!exchange.over) exchange.parts.progress = progress("The page was left before the answer was whole. Retry.");
      this.draw(exchange);
    }
    this.place.lastElementChild?.scrollIntoView();
    this.examples.hidden = Boolean(this.conversation.exchanges.length);
    if (!TOUCHED.matches) this.field.focus({ preventScroll: true });
  }

  // Replace only the parts that changed, to preserve focus and expanded sections.
  draw(exchange, instead = null) {
    this.examples.hidden = true;
    let article = document.getElementById(exchange.id);
    if (!article) {
      article = Object.assign(document.createElement("article"), { id: exchange.id, className: "cd-exchange", shown: {}, tabIndex: -1 });
      article.setAttribute("aria-label", `Question: ${exchange.question.slice(0, 200)}`);
      if (instead) instead.replaceWith(article);
      else this.place.append(article);
    }
    article.dataset.question = exchange.question;
    article.dataset.overrides = JSON.stringify(exchange.overrides);
    for (const [name, html] of Object.entries(exchange.parts)) {
      if (article.shown[name] === html) continue;
      article.shown[name] = html;
      renew(article, name, html);
    }
    document.dispatchEvent(new CustomEvent("citedesk:drawn"));
  }

  heard(state) {
    if (state.lost && this.running) this.stop("The server does not answer any more. What had come by then is kept; retry when it is back.");
    const anew = !state.lost && this.server && (this.server !== state.started || this.user !== (state.user ?? ""));
    this.server = state.started ?? this.server;
    if (anew) this.back();
    else if (state.ready && !this.offered) this.offer();
    return false;
  }

  // Reload the page: the server was restarted and does not know it, or another user has logged in.
  back() {
    draft.set(this.field.value);
    location.reload();
  }

  // Load the examples, unless the page came with them; after a failure, the next status from the server triggers another attempt.
  async offer() {
    this.offered = true;
    try {
      const reply = await fetch(new URL("page/examples", document.baseURI));
      this.offered = reply.status === 200;
      if (this.offered) this.examples.innerHTML = await reply.text();
    } catch {
      this.offered = false;
    }
  }
}

// Replace or append the named part, and restore the focus.
function renew(article, name, html) {
  const template = document.createElement("template");
  template.innerHTML = html;
  const part = template.content.firstElementChild;
  const old = article.querySelector(`:scope > [data-part="${name}"]`);
  const focused = old?.contains(document.activeElement) && document.activeElement.id;
  if (old) old.replaceWith(part);
  else article.append(part);
  if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
}

// Run `act` once the element is visible; the content of a newly selected tab takes some frames to appear.
function whenSeen(element, act, frames = 30) {
  if (element.checkVisibility() || !frames) act();
  else requestAnimationFrame(() => whenSeen(element, act, frames - 1));
}

function heading(question) {
  const title = Object.assign(document.createElement("h2"), { textContent: question, dir: "auto" });
  const retry = '<button type="button" class="cd-button cd-small cd-quiet" data-action="retry">Retry</button>';
  const tools = `<div class="cd-set-of">${retry}</div>`; // removed once the server answers
  return `<section data-part="question"><div class="cd-question">${title.outerHTML}${tools}</div></section>`;
}

function progress(text) {
  return `<section data-part="progress"><p class="cd-progress" role="status">${text}</p></section>`;
}

function freshId() {
  return `x${Date.now().toString(36)}${Math.floor(Math.random() * 1296).toString(36)}`;
}
