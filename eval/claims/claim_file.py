"""Labelled sentences of answers, one JSON object a line: id, claim, papers, label; kind is optional.

`claim` has markers as in an answer, [1] for the first of `papers`; without any it cites all of them, at its end. A
paper is the paper_id of one in the corpus, or an object with title and abstract. `label` is "supported" or
"not_supported", `kind` names a group to report by itself, such as the error that was made.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eval.json_lines import read_lines, text_of
from rag.corpus.records import paper_from_record
from rag.errors import CorpusError
from rag.text.citation_markers import MARKER
from rag.types import Paper

LABELS = ("supported", "not_supported")


@dataclass(frozen=True, slots=True)
class LabelledClaim:
    """A sentence with markers, the papers that it cites by number, and whether they support it."""

    claim_id: str
    claim: str
    cited: Mapping[int, Paper]
    supported: bool
    kind: str | None = None


def read_claim_file(path: Path, papers: Mapping[str, Paper]) -> tuple[LabelledClaim, ...]:
    """Read a file; raises CorpusError that names the line where one is bad, or says that there is none."""
    found = read_lines(path, "Name a file of labelled sentences.", lambda record: _claim(record, papers))
    if not found:
        raise CorpusError(f"{path} holds no sentence. Write a line each, with id, claim, papers and label.")
    return tuple(found)


def _claim(record: dict[str, Any], papers: Mapping[str, Paper]) -> LabelledClaim:
    claim_id, claim = text_of(record, "id"), text_of(record, "claim")
    if record.get("label") not in LABELS:
        raise ValueError(f"the label {record.get('label')} is none of {', '.join(LABELS)}")
    if not isinstance(record.get("papers"), list) or not record["papers"]:
        raise ValueError('no "papers" that are a list')
    cited = {n: _paper(each, papers) for n, each in enumerate(record["papers"], start=1)}
    numbers = {int(number) for number in MARKER.findall(claim)}
    if unknown := numbers - cited.keys():
        raise ValueError(f"the claim cites paper {min(unknown)} of {len(cited)}")
    if not numbers:
        claim = f"{claim.rstrip()} {''.join(f'[{n}]' for n in cited)}"
    return LabelledClaim(claim_id, claim, cited, record["label"] == LABELS[0], record.get("kind"))


def _paper(given: object, papers: Mapping[str, Paper]) -> Paper:
    if isinstance(given, dict):
        return paper_from_record(given)
    if not isinstance(given, str) or given not in papers:
        raise ValueError(f"there is no paper {given} in the corpus")
    return papers[given]
