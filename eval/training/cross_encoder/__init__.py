"""Training the cross-encoder: whether a paper belongs, a text answers, and texts support or contradict a claim."""
