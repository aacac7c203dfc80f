"""Further search texts that a language model suggests."""
