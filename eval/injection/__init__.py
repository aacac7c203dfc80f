"""Prompt injection: instructions hidden in abstracts, whether they are obeyed, and what reaches the reader."""
