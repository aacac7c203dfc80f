"""Training the encoder: token vectors, one vector, a question's kind and follow-up type, and a tag for each token."""
