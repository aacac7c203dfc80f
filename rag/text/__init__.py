"""Text as it is written: tokens, sentences, dates, names, quantities, and what makes it safe to show."""
