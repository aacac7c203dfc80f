"""Follow-up questions, read in the light of the earlier turns."""
