"""The models that read text: where their weights are, and how they run."""
