"""Training the small model that tells whether sentences support, contradict or leave open a claim (needs torch)."""
