"""Progress bars with the time left, on stderr so that results can be piped."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from typing import TypeVar

Item = TypeVar("Item")


def bar(items: Iterable[Item], total: int, what: str) -> Iterator[Item]:
    """Pass items on while a bar named `what` counts them."""
    from tqdm import tqdm

    yield from tqdm(items, total=total, desc=what, file=sys.stderr, mininterval=0.5)
