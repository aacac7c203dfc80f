// Follows the site's state, and says it at the top of the page.

const LOADING = 700; // milliseconds between two looks while something is being loaded
const IDLE = 3000; // the state costs a millisecond

let known;
// Who is logged in on this page, "" where nobody is asked to; it is told by the first state that the server gives.
export const user = new Promise((tell) => { known = tell; });

export const LOGGED_OUT = "You are logged out. Reload the page.";

// Tell of a reply that it is not what was asked for, but the way to the login.
export const isLoggedOut = (reply) => reply.redirected || reply.status === 401;

// Tell of the state until whoever hears it is content, or for ever.
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
    return { lost: true, message: "The server does not answer. Nothing is lost; the page goes on when it is back." };
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
