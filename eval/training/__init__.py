"""Fitting the ranker's weights on questions, by way of the search itself."""
