"""Published figures for public test sets, to validate this evaluation against.

They are for whole documents, title and text joined, and are shown only beside scores of that configuration. The BM25
figures use other tokenizers, and their parameters may differ; sources name the model or toolkit, not every detail.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Published:
    """An nDCG@10 on the test split of a set, named like its folder; `embed_model` is None where no vectors are used."""

    test_set: str
    system: str
    embed_model: str | None
    value: float
    source: str


PUBLISHED = (
    Published("scifact", "lexical", None, 0.679, "pyserini"),
    Published("scifact", "dense", "all-MiniLM-L6-v2", 0.645, "MTEB"),
    Published("scitldr", "lexical", None, 0.800, "the test set's README"),
)


def published(test_set: str, split: str, system: str, embed_model: str, whole: bool) -> Published | None:
    """Return the figure for a system, if there is one; there is none where documents were cut into chunks."""
    for each in PUBLISHED if whole or system == "lexical" else ():
        if (each.test_set, "test", each.system) == (test_set, split, system) and each.embed_model in (
            None,
            embed_model.rpartition("/")[2],
        ):
            return each
    return None
