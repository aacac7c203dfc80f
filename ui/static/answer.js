// What an answer does: loaded once, it listens on the document, since the page replaces what is in it.

import "./tips.js";
import "./sorting.js";
import "./files.js";
import "./asking.js";
import "./rating.js";
