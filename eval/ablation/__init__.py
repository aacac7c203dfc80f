"""Which part of the search buys what."""
