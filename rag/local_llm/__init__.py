"""A small language model on this machine: downloaded from the package index, and served as an endpoint."""
