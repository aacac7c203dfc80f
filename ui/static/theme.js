// Light or dark: as the system prefers, until the reader chooses.

import { browser } from "./storage.js";

const KEY = "citedesk:theme";
const system = matchMedia("(prefers-color-scheme: dark)");

export function useTheme() {
  apply();
  system.addEventListener("change", apply);
  // Gradio sets the class by the system's preference when it starts.
  new MutationObserver(apply).observe(document.body, { attributes: true, attributeFilter: ["class"] });
  document.addEventListener("click", (event) => {
    if (!event.target.closest('[data-action="theme"]')) return;
    browser.set(KEY, isDark() ? "light" : "dark");
    apply();
  });
}

function isDark() {
  return (browser.get(KEY) ?? (system.matches ? "dark" : "light")) === "dark";
}

function apply() {
  const dark = isDark();
  if (document.body.classList.contains("dark") !== dark) document.body.classList.toggle("dark", dark);
  document.documentElement.style.colorScheme = dark ? "dark" : "light";
}
