"""Questions: what they ask for, follow-ups, and what the user overrides."""
