"""Hits → what the answer cites: the cut, refusal, evidence sentences, screening."""
