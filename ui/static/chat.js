// The chat page. Each module listens on the document, since Gradio replaces the content of its components; the
// conversation is attached once Gradio has created its component.

import "./tips.js";
import "./sorting.js";
import "./files.js";
import "./asking.js";
import "./rating.js";
import "./rows.js";
import "./table.js";
import "./roving.js";
import "./selection.js";
import "./reading_list.js";
import "./keys.js";
import "./browse.js";
import "./tabs.js";
import { firstPaint } from "./first_paint.js";
import { useTheme } from "./theme.js";

useTheme(); // modules run once the page is parsed
firstPaint();
