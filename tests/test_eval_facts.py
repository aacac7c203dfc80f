from __future__ import annotations

import pytest

from eval.measures.facts import fact_scores, holds, read
from rag.text.quantities import PartialDate, Quantity, extract_dates, extract_quantities


@pytest.mark.parametrize(
    ("text", "fact"),
    [
        ("a 2.57times training speedup", "2.57x speedup"),
        ("a 2.57$\\times$ training speedup", "2.57x speedup"),
        ("speedups of ×17.7", "x17.7"),
        ("up to sim 7.7times less memory", "up to 7.7x memory"),
        ("15.6 times faster", "15.6x"),
        ("within 500 ms", "within 0.5 s"),
        ("1.2k people used it", "more than 1,200 people"),
        ("saves 30\\% of the servers", "30% more servers"),
        ("a corpus of 600,000 lines", "600K lines"),
        ("4 billion parameters", "4B parameters"),
        ("took 216 GPU hours", "216 GPU-hours"),
        ("on an RTX4090", "RTX 4090"),
        ("on an rtx 4090 card", "RTX-4090"),
        ("the FLASHATTENTION 2 kernel", "FlashAttention-2"),
        ('T\\"ulu 2 is open', "Tulu 2"),
        ("posted on 2018-04-30", "Apr 30, 2018"),
        ("ConCuR, 2025-10-08", "ConCuR (Oct)"),
        ("Convexity (2014-05)", "Convexity (2014)"),
        ("generation is decoupled from training", "decouples generation from training"),
        ("peaks at 44 %, on average 22.5 %", "throughput +22.5% on average (at most 44%)"),
    ],
)
def test_fact_is_found(text: str, fact: str) -> None:
    assert holds(read(text), fact)


@pytest.mark.parametrize(
    ("text", "fact"),
    [
        ("5% faster", "5x"),
        ("12.57x faster", "2.57x"),
        ("2.5x faster", "2.57x"),
        ("it gets better", "ETS"),
        ("FlashAttention on H100", "FlashAttention-2"),
        ("posted on 2018-04-29", "Apr 30, 2018"),
        ("as shown before [7]", "7"),
        ("Lamb wins", "LAMB loses to Nesterov"),
        ("training is slow", "decouples generation from training"),
        ("", "Lion"),
        ("anything", "…"),
    ],
)
def test_fact_is_not_found(text: str, fact: str) -> None:
    assert not holds(read(text), fact)


def test_shares_in_answer_and_quotes() -> None:
    facts = ("2.4 ns", "RTX 4090", "13W", "Lion")
    texts = {"answer": "It took 2.4 ns at 13 W with Lion.", "quotes": "Lion at 13 W"}
    assert fact_scores(facts, texts) == {"answer": 0.75, "quotes": 0.5}
    assert fact_scores((), texts) == {}


def test_quantities_have_units_and_leave_the_rest() -> None:
    found, rest = extract_quantities("x3 in 40 GB, 7B parameters and 12 GPUs, 3 million lines, 1,500.5 W")
    assert found == (
        Quantity(3.0, "x"),
        Quantity(40e9, "B"),
        Quantity(7e9),
        Quantity(12.0),
        Quantity(3e6),
        Quantity(1500.5, "W"),
    )
    assert [word for word in rest.split() if word.isalpha()] == ["in", "parameters", "and", "GPUs", "lines"]


def test_dates_are_read_as_far_as_they_go() -> None:
    found, rest = extract_dates("2018-04-30, Apr 30, 2018, May 2024, (Jun), may, 2024-07")
    assert found == (
        PartialDate(2018, 4, 30),
        PartialDate(2018, 4, 30),
        PartialDate(2024, 5),
        PartialDate(2024, 7),
        PartialDate(None, 6),
    )
    assert "may" in rest
