"""Bundled neural models: the encoder and the cross-encoder."""
