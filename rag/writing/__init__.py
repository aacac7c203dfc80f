"""Answers written by a language model: prompts, what is let through of a reply, and how its sentences are checked."""
