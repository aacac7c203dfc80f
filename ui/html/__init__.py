"""HTML of questions, answers and papers as the chat shows them; all text is escaped."""
