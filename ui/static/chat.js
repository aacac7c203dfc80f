// Everything on the chat's page. Each module listens on the document, since Gradio replaces what is inside its
// components; the conversation attaches itself once Gradio has created its component.

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
