"""Follow-up → standalone question: what a question leans on, and what of the earlier turns it needs (pure)."""
