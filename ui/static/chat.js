// The chat page. Each module listens on the document, since Gradio replaces the content of its components; the
// conversation is attached once Gradio has created its component.

import "./tips.js";
import "./sorting.js";
import "./files.js";
import "./asking.js";
import "./rating.js";
import "./browse.js";
import "./tabs.js";
import { useTheme } from "./theme.js";

if (document.body) useTheme();
else document.addEventListener("DOMContentLoaded", useTheme);
