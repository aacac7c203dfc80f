"""Fitting to one library: weights of the selection, settings of the search, and which of them are kept."""
