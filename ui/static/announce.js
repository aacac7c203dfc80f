// Announcements to screen readers, and whether scrolling is animated.

const LIVE = "cd-live";

export function say(text) {
  let region = document.getElementById(LIVE);
  if (!region) {
    region = document.createElement("div");
    region.id = LIVE;
    region.className = "cd-hidden";
    region.setAttribute("aria-live", "polite");
    document.body.append(region);
  }
  region.textContent = "";
  setTimeout(() => (region.textContent = text), 50); // so that a repeated text is announced again
}

export function scrolling() {
  return matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth";
}
