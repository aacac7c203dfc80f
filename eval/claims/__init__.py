"""Judges of claims against abstracts: labelled pairs, their agreement with people, and planted errors."""
