"""A smaller vocabulary: a tokenizer.json without its rarest whole words, and where its pieces stand in the full one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def trimmed(path: Path, count: int) -> dict[str, Any]:
    """Return a WordPiece tokenizer's content with at most `count` pieces.

    BERT's vocabulary is in order of frequency, so the last whole words are left out; they are then spelt in pieces.
    """
    content: dict[str, Any] = json.loads(path.read_text("utf-8"))
    vocabulary: dict[str, int] = content["model"]["vocab"]
    order = sorted(vocabulary, key=vocabulary.__getitem__)
    words = [piece for piece in order if piece.isalpha() and piece.isascii() and len(piece) > 1]
    dropped = set(words[len(words) - max(0, len(order) - count) :]) if len(order) > count else set()
    kept = [piece for piece in order if piece not in dropped]
    content["model"]["vocab"] = {piece: number for number, piece in enumerate(kept)}
    for added in content["added_tokens"]:
        added["id"] = content["model"]["vocab"][added["content"]]
    for name, special in content["post_processor"]["special_tokens"].items():
        special["ids"] = [content["model"]["vocab"][name]]
    content["truncation"] = content["padding"] = None
    return content


def places(smaller: Path, full: Path) -> list[int]:
    """Return the id in the full vocabulary of each piece of the smaller one, in its order."""
    mine, all_ = (json.loads(path.read_text("utf-8"))["model"]["vocab"] for path in (smaller, full))
    return [all_[piece] for piece in sorted(mine, key=mine.__getitem__)]
