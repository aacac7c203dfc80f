"""Gold questions: the files, and their reader."""
