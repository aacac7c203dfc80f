"""More recall by a language model: further search texts, and a decision on each paper of a deep pool."""
