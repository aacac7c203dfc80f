"""Labelled claim–abstract pairs, one JSON object a line: claim_id, claim, doc_id, label, sentences; title is optional.

This is the form of SciFact (Wadden et al., Fact or Fiction: Verifying Scientific Claims, EMNLP 2020).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from eval.json_lines import read_lines, text_of
from rag.errors import CorpusError

Label = Literal["support", "contradict", "not_enough"]
LABELS: tuple[Label, ...] = ("support", "contradict", "not_enough")

_SPELLINGS: Mapping[str, Label] = {
    "support": "support",
    "supports": "support",
    "contradict": "contradict",
    "contradicts": "contradict",
    "refutes": "contradict",
    "not_enough": "not_enough",
    "not_enough_info": "not_enough",
    "not enough": "not_enough",
}


@dataclass(frozen=True, slots=True)
class LabelledPair:
    """A claim, the abstract it is judged by, and the label that annotators chose."""

    pair_id: str
    claim: str
    title: str
    sentences: tuple[str, ...]
    label: Label


@dataclass(frozen=True, slots=True)
class PairFile:
    """The distinct pairs of a file, and how many lines repeat one."""

    pairs: tuple[LabelledPair, ...]
    repeated: int


def read_pairs(path: Path) -> PairFile:
    """Read a file of pairs; raises CorpusError that names the line where one is bad, or says that there is none."""
    pairs: dict[str, LabelledPair] = {}

    def add(record: dict[str, Any]) -> None:
        pair = _pair(record)
        if pairs.setdefault(pair.pair_id, pair) != pair:
            raise ValueError(f"the pair {pair.pair_id} is there already, with another label or text")

    lines = len(read_lines(path, "Name a file of labelled pairs.", add))
    if not pairs:
        raise CorpusError(f"{path} is empty. Each line is an object with claim, label and sentences.")
    return PairFile(tuple(pairs.values()), lines - len(pairs))


def _pair(record: dict[str, Any]) -> LabelledPair:
    claim, label = (text_of(record, name) for name in ("claim", "label"))
    sentences = record.get("sentences")
    if not isinstance(sentences, list) or not sentences or not all(isinstance(each, str) for each in sentences):
        raise ValueError('no "sentences" that are a list of strings')
    if label.lower() not in _SPELLINGS:
        raise ValueError(f"the label {label} is none of {', '.join(LABELS)}")
    pair_id = f"{text_of(record, 'claim_id')}/{text_of(record, 'doc_id')}"
    return LabelledPair(pair_id, claim, str(record.get("title") or ""), tuple(sentences), _SPELLINGS[label.lower()])
