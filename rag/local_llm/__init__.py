"""A small language model that installs from the package index, served on this machine."""
