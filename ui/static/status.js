// Polls the site's status, and shows it at the top of the page.

const LOADING = 700; // milliseconds between requests while something is loading
const IDLE = 3000; // a request takes a millisecond

let known;
// The user of this page, "" without a login; resolved by the first status that the server returns.
export const user = new Promise((tell) => { known = tell; });

export const LOGGED_OUT = "You are logged out. Reload the page.";

// Return whether a reply leads to the login instead of what was requested.
export const isLoggedOut = (reply) => reply.redirected || reply.status === 401;

// Pass each status to `heard` until it returns true.
export async function follow(heard) {
  for (;;) {
    const state = await look();
    show(state);
    if (!state.lost) known(state.user ?? "");
    if (heard(state)) return;
    const hurry = !state.ready || !state.open || state.lost;
    await new Promise((wake) => setTimeout(wake, hurry ? LOADING : IDLE));
  }
}

async function look() {
  try {
    const reply = await fetch(new URL("page/status", document.baseURI), { cache: "no-store" });
    if (isLoggedOut(reply)) return { lost: true, message: LOGGED_OUT };
    if (!reply.ok) throw new Error(reply.statusText);
    return await reply.json();
  } catch {
    return { lost: true, message: "The server does not answer. Nothing is lost; the page continues when it is back." };
  }
}

function show(state) {
  const place = document.getElementById("cd-state");
  if (!place) return;
  const text = state.message || (state.papers === 1 ? "1 paper" : `${(state.papers ?? 0).toLocaleString("en")} papers`);
  if (place.textContent !== text) place.textContent = text;
  place.classList.toggle("cd-busy", Boolean(state.message));
  const leave = document.getElementById("cd-logout");
  leave.hidden = !state.user;
  leave.title = state.user ? `Logged in as ${state.user}` : "";
}
