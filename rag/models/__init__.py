"""Neural models: the encoder, the cross-encoder, and another embedding model if one is set."""
