"""Claims and the sentences they rest on: labelled pairs, judges, how well they agree."""
