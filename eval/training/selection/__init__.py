"""The selection's few weights: a paper's probability of belonging, a question's of being answered, the threshold."""
