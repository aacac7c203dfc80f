"""Text processing: tokens, sentences, dates, names, quantities, LaTeX, and sanitizing of untrusted text."""
