"""HTML of what the chat shows (pure, all text escaped)."""
