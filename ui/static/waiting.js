// The page shown while the chat is loading.

import { awaitChat, firstPaint } from "./first_paint.js";
import { useTheme } from "./theme.js";

useTheme();
firstPaint();
awaitChat();
