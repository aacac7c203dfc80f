"""Texts as word-piece ids, tokenised once, and batches of single texts or of pairs of them."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from eval.training.common.prefetch import Pinnable

os.environ.setdefault("TOKENIZERS_PARALLELISM", "true")

Ids = NDArray[np.int64]
_AT_ONCE = 20_000


@dataclass(frozen=True, slots=True)
class Pieces:
    """The ids of one text's word pieces, without special tokens, and the offset where each begins."""

    ids: Ids
    starts: Ids


@dataclass(frozen=True, slots=True)
class Batch(Pinnable):
    """Padded ids, mask and segments of shape (texts, tokens)."""

    input_ids: Tensor
    attention_mask: Tensor
    token_type_ids: Tensor

    def to(self, device: str) -> Batch:
        """Return the batch on a device."""
        parts = (self.input_ids, self.attention_mask, self.token_type_ids)
        return Batch(*(each.to(device, non_blocking=True) for each in parts))

    @property
    def inputs(self) -> dict[str, Tensor]:
        """Return the batch as a network's keyword arguments."""
        return {
            "input_ids": self.input_ids,
            "attention_mask": self.attention_mask,
            "token_type_ids": self.token_type_ids,
        }


class Tokenizer:
    """A tokenizer.json without padding or truncation."""

    def __init__(self, path: Path) -> None:
        from tokenizers import Tokenizer as Opened

        self.path = path
        self.opened: Any = Opened.from_file(str(path))
        self.opened.no_padding()
        self.opened.no_truncation()
        self.cls, self.sep = self.id("[CLS]"), self.id("[SEP]")

    def id(self, piece: str) -> int:
        """Return the id of a piece; raises ValueError where the vocabulary lacks it."""
        found = self.opened.token_to_id(piece)
        if found is None:
            raise ValueError(f"{self.path} has no piece {piece}: name another tokenizer.json.")
        return int(found)

    def pieces(self, texts: Sequence[str]) -> list[Pieces]:
        """Tokenise texts."""
        found: list[Pieces] = []
        for first in range(0, len(texts), _AT_ONCE):
            for each in self.opened.encode_batch(list(texts[first : first + _AT_ONCE]), add_special_tokens=False):
                starts = np.array([start for start, _ in each.offsets], np.int64)
                found.append(Pieces(np.array(each.ids, np.int64), starts))
        return found


def places(smaller: Path, full: Path) -> list[int]:
    """Return the id in the full vocabulary of each piece of the smaller one, in its order."""
    mine, all_ = (json.loads(path.read_text("utf-8"))["model"]["vocab"] for path in (smaller, full))
    return [all_[piece] for piece in sorted(mine, key=mine.__getitem__)]


def single(texts: Sequence[Pieces], tokenizer: Tokenizer, mark: int | None, longest: int) -> Batch:
    """Lay texts out as [CLS] mark text [SEP], cut at the longest length; without a mark, as [CLS] text [SEP]."""
    before = [tokenizer.cls] if mark is None else [tokenizer.cls, mark]
    rows = [np.array([*before, *each.ids[: longest - len(before) - 1], tokenizer.sep]) for each in texts]
    return _padded(rows, [len(row) for row in rows])


def pairs(firsts: Sequence[Pieces], seconds: Sequence[Pieces], tokenizer: Tokenizer, longest: int) -> Batch:
    """Lay pairs out as [CLS] first [SEP] second [SEP]; the first is cut at a quarter, the second at what remains."""
    rows, ends = [], []
    for first, second in zip(firsts, seconds, strict=True):
        head = first.ids[: longest // 4]
        tail = second.ids[: longest - len(head) - 3]
        rows.append(np.array([tokenizer.cls, *head, tokenizer.sep, *tail, tokenizer.sep]))
        ends.append(len(head) + 2)
    return _padded(rows, ends)


def _padded(rows: Sequence[Ids], firsts: Sequence[int]) -> Batch:
    width = -(-max(len(row) for row in rows) // 16) * 16
    ids, mask, segments = (np.zeros((len(rows), width), np.int64) for _ in range(3))
    for i, (row, first) in enumerate(zip(rows, firsts, strict=True)):
        ids[i, : len(row)] = row
        mask[i, : len(row)] = 1
        segments[i, first : len(row)] = 1
    return Batch(*(torch.from_numpy(each) for each in (ids, mask, segments)))
