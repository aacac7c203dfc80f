"""Pack examples as arrays of token ids, with each distinct sentence stored once."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from eval.claims.pairs import LABELS

if TYPE_CHECKING:
    from eval.training.entailment.examples import Example  # not needed where packed examples are read

_RARE = 4  # word pieces with fewer occurrences in the training texts are removed from the vocabulary
_IDEOGRAPHS = 0x2E80  # single characters below are kept, so that every word can be tokenized
_AT_ONCE = 20_000

Ids = NDArray[np.uint16]


def prune(tokenizer_file: Path, texts: Iterable[str]) -> tuple[dict[str, Any], list[int]]:
    """Remove rare word pieces from a tokenizer; returns its new content, and the old ids of what is kept, in order."""
    from tokenizers import Tokenizer

    content = json.loads(tokenizer_file.read_text("utf-8"))
    tokenizer = _open(Tokenizer, content)
    counts: Counter[int] = Counter()
    for ids in _tokenised(tokenizer, list(texts)):
        counts.update(ids.tolist())
    vocabulary: dict[str, int] = content["model"]["vocab"]
    kept = [
        (piece, old)
        for piece, old in sorted(vocabulary.items(), key=lambda entry: entry[1])
        if counts[old] >= _RARE
        or piece in _SPECIAL
        or (len(piece.removeprefix("##")) == 1 and ord(piece[-1]) < _IDEOGRAPHS)
    ]
    content["model"]["vocab"] = {piece: i for i, (piece, _) in enumerate(kept)}
    for added in content["added_tokens"]:
        added["id"] = content["model"]["vocab"][added["content"]]
    for name, special in content["post_processor"]["special_tokens"].items():
        special["ids"] = [content["model"]["vocab"][name]]
    content["truncation"] = content["padding"] = None
    return content, [old for _, old in kept]


_SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")


def pack(tokenizer: dict[str, Any], examples: Sequence[Example]) -> dict[str, NDArray[Any]]:
    """Tokenize examples; evidence is stored as indices of sentences."""
    from tokenizers import Tokenizer

    opened = _open(Tokenizer, tokenizer)
    table: dict[str, int] = {}
    evidence = [[table.setdefault(text, len(table)) for text in each.sentences] for each in examples]
    sentences = _tokenised(opened, list(table))
    claims = _tokenised(opened, [each.claim for each in examples])
    sources = sorted({each.source for each in examples})
    return {
        **_flat("sentence", sentences),
        **_flat("claim", claims),
        "evidence": np.array([i for each in evidence for i in each], np.uint32),
        "evidence_lengths": np.array([len(each) for each in evidence], np.uint16),
        "label": np.array([LABELS.index(each.label) for each in examples], np.uint8),
        "source": np.array([sources.index(each.source) for each in examples], np.uint8),
        "sources": np.array(sources),
    }


def rows(packed: dict[str, NDArray[Any]], cls: int, sep: int, longest: int) -> tuple[Ids, Ids, Ids]:
    """Return the examples as padded rows of ids, with each row's length and the length of its claim part.

    A claim is cut at a third of the row, evidence at what remains.
    """
    sentence_ends, claim_ends = (np.cumsum(packed[f"{name}_lengths"], dtype=np.int64) for name in ("sentence", "claim"))
    count = len(claim_ends)
    ids, lengths, firsts = np.zeros((count, longest), np.uint16), np.zeros(count, np.uint16), np.zeros(count, np.uint16)
    at = 0
    for i in range(count):
        claim = packed["claim"][claim_ends[i] - packed["claim_lengths"][i] : claim_ends[i]][: longest // 3]
        chosen = packed["evidence"][at : at + int(packed["evidence_lengths"][i])]
        at += int(packed["evidence_lengths"][i])
        parts = [
            packed["sentence"][sentence_ends[j] - packed["sentence_lengths"][j] : sentence_ends[j]] for j in chosen
        ]
        row = np.concatenate([[cls], claim, [sep], *parts])[: longest - 1]
        ids[i, : len(row)], ids[i, len(row)] = row, sep
        lengths[i], firsts[i] = len(row) + 1, len(claim) + 2
    return ids, lengths, firsts


def _flat(name: str, texts: Sequence[Ids]) -> dict[str, NDArray[Any]]:
    return {
        name: np.concatenate(texts).astype(np.uint16),
        f"{name}_lengths": np.array([len(each) for each in texts], np.uint16),
    }


def _tokenised(tokenizer: Any, texts: Sequence[str]) -> list[Ids]:
    found: list[Ids] = []
    for first in range(0, len(texts), _AT_ONCE):
        batch = tokenizer.encode_batch(texts[first : first + _AT_ONCE], add_special_tokens=False)
        found += [np.array(each.ids, np.uint16) for each in batch]
    return found


def _open(tokenizer: Any, content: dict[str, Any]) -> Any:
    opened = tokenizer.from_str(json.dumps(content))
    opened.no_padding()
    opened.no_truncation()
    return opened
