"""Training of the models in rag/models/weights: run from a checkout, not installed with the package."""
