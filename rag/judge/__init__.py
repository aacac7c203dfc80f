"""Does a sentence rest on the abstracts that it cites? Exact checks of numbers and names, and entailment."""
