"""A count on the command line (light)."""

from __future__ import annotations


def count(text: str) -> int:
    """Read a whole number of 1 or more; raises ValueError, which argparse reports under this function's name."""
    number = int(text)
    if number < 1:
        raise ValueError
    return number
