"""A language model behind an OpenAI-compatible endpoint, and everything that can go wrong with one."""
