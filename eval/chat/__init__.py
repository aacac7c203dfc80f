"""The real chat in a browser: the README's screenshots, and how long people wait. Needs playwright and chromium."""
