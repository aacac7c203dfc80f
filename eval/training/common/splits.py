"""Which groups and documents train, choose between settings, or are held out: by group and by document, from a seed."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

Split = Literal["train", "choose", "held"]
SPLITS: tuple[Split, ...] = ("train", "choose", "held")


@dataclass(frozen=True, slots=True)
class Splits:
    """The split of each group and each document.

    A document of several groups takes the strictest of their splits, so that nothing held out is trained on by way
    of another group. `held` and `choose` are shares of the groups.
    """

    groups: Mapping[int, Split]
    documents: Mapping[str, Split]
    seed: int
    held: float
    choose: float

    def of(self, ids: Iterable[str]) -> Split:
        """Return the strictest split of some documents; one outside all groups is placed by its hash."""
        return max((self._document(id) for id in ids), key=SPLITS.index)

    def _document(self, id: str) -> Split:
        return self.documents.get(id) or place(id, self.seed, self.held, self.choose)


def make_splits(groups: Mapping[int, tuple[str, ...]], seed: int, held: float = 0.08, choose: float = 0.05) -> Splits:
    """Place groups by a shuffle with a seed, and documents by their groups."""
    order = sorted(groups)
    random.Random(seed).shuffle(order)
    bounds = round(held * len(order)), round((held + choose) * len(order))
    placed: dict[int, Split] = {
        group: "held" if i < bounds[0] else "choose" if i < bounds[1] else "train" for i, group in enumerate(order)
    }
    documents: dict[str, Split] = {}
    for group, ids in groups.items():
        for id in ids:
            documents[id] = max(documents.get(id, "train"), placed[group], key=SPLITS.index)
    return Splits(placed, documents, seed, held, choose)


def place(key: str, seed: int, held: float = 0.1, choose: float = 0.05) -> Split:
    """Place a text by its hash."""
    share = int.from_bytes(hashlib.sha256(f"{seed}/{key}".encode()).digest()[:6]) / 2**48
    return "held" if share < held else "choose" if share < held + choose else "train"
