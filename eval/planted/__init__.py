"""Errors planted in true sentences: which of them does the judge of written answers catch."""
