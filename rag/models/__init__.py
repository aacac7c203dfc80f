"""Bundled neural models: encoder, token encoder, cross-encoder and entailment model."""
