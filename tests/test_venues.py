from __future__ import annotations

import pytest

from rag.query.understanding.venues import venue_mentions

VENUES = frozenset({"ICML 2023", "ICLR'24", "MICRO 2024", "Nature 567, 209 (2019)", "Sand Journal 10(1), 2025"})


@pytest.mark.parametrize(
    ("question", "venue"),
    [
        ("papers at ICML 2023", "ICML 2023"),
        ("ICML papers on pruning", "ICML"),
        ("ICML 2023 quantization papers", "ICML 2023"),
        ("icml2023", "icml2023"),
        ("ICLR'24 works", "ICLR'24"),
        ("from ICLR", "ICLR"),
        ("accepted to ICLR", "ICLR"),
        ("published in Nature", "Nature"),
        ("in the Sand Journal", "Sand Journal"),
        ("NeurIPS papers", "NeurIPS"),
        ("that were presented at NeurIPS 2021", "NeurIPS 2021"),
        ("at FAST", "FAST"),
        ("appeared at FOOCONF 2023", "FOOCONF 2023"),
    ],
)
def test_venues_are_recognised(question: str, venue: str) -> None:
    (mention,) = venue_mentions(question, VENUES)
    assert mention.filters.venue == venue


@pytest.mark.parametrize(
    "question",
    [
        "the nature of loss landscapes",
        "in nature",
        "micro-batches",
        "in micro benchmarks",
        "a fast method",
        "at FP8 precision",
        "on ICML",
        "papers at ICLR or ICML",
        "published results",
        "in the soda can",
        "ImageNet 2012",
    ],
)
def test_what_is_no_venue_is_left_alone(question: str) -> None:
    assert venue_mentions(question, VENUES) == []


def test_other_name_of_a_venue_belongs_to_its_mention() -> None:
    question = "everything at NeurIPS (or NIPS) on sand"
    (mention,) = venue_mentions(question, VENUES)
    assert question[: mention.start] + question[mention.end :] == "everything  on sand"
