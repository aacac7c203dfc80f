"""Parse questions into queries: follow-ups, understanding, and the user's overrides."""
