// Light or dark: as the system says, until the reader says otherwise.

const KEY = "citedesk:theme";
const system = matchMedia("(prefers-color-scheme: dark)");

export function useTheme() {
  apply();
  system.addEventListener("change", apply);
  // Gradio sets the class by the system's wish when it starts.
  new MutationObserver(apply).observe(document.body, { attributes: true, attributeFilter: ["class"] });
  document.addEventListener("click", (event) => {
    if (!event.target.closest('[data-action="theme"]')) return;
    localStorage.setItem(KEY, isDark() ? "light" : "dark");
    apply();
  });
}

function isDark() {
  return (localStorage.getItem(KEY) ?? (system.matches ? "dark" : "light")) === "dark";
}

function apply() {
  const dark = isDark();
  if (document.body.classList.contains("dark") !== dark) document.body.classList.toggle("dark", dark);
  document.documentElement.style.colorScheme = dark ? "dark" : "light";
}
