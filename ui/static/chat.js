// What the whole page does; the conversation attaches itself when Gradio has made its place.

import "./answer.js";
import "./browse.js";
import "./tabs.js";
import { useTheme } from "./theme.js";

if (document.body) useTheme();
else document.addEventListener("DOMContentLoaded", useTheme);
