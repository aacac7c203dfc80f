"""A language model behind any OpenAI-compatible address, and all that can go wrong with one."""
