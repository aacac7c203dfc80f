from __future__ import annotations

import json
from dataclasses import astuple

import pytest

from tests.reading_time import READERS, SEEDS, Pattern, growth, lines_growth, worst_patterns

PATTERNS = [Pattern(**json.loads(line)) for line in SEEDS.read_text(encoding="utf-8").splitlines()]
_MOST = 9.0  # times as long for four times the text: 4 where the time is linear, 16 where it is quadratic
_NOTHING = 0.004  # seconds below which a ratio says nothing
_MOST_LINES = 10.0  # times as many lines of Python: the same on every machine


def _named(pattern: Pattern) -> str:
    return " ".join(map(repr, astuple(pattern)[:3]))


@pytest.mark.parametrize("pattern", PATTERNS, ids=_named)
def test_time_of_reading_grows_as_the_text_does(pattern: Pattern) -> None:
    rates = (growth(pattern) for _ in range(3))  # a busy machine may slow one run
    assert any(rate < _MOST or took < _NOTHING for rate, took in rates)


@pytest.mark.parametrize("pattern", PATTERNS, ids=_named)
def test_lines_that_are_run_grow_as_the_text_does(pattern: Pattern) -> None:
    rate, run = lines_growth(pattern, 500)
    assert rate < _MOST_LINES or run < 1000


def test_fuzzer_finds_what_takes_long(monkeypatch: pytest.MonkeyPatch) -> None:
    def slow(text: str) -> int:
        return sum(text.startswith("of", start) for start in range(len(text)) for _ in range(text.count("of")))

    monkeypatch.setitem(READERS, "tokens", slow)
    rate, _, pattern = next(worst_patterns(60, 0, ["tokens"]))
    assert rate > 7
    assert "of" in pattern.unit


def test_lines_tell_what_is_quadratic(monkeypatch: pytest.MonkeyPatch) -> None:
    def slow(text: str) -> None:
        for _ in text:
            for _ in text:
                pass

    monkeypatch.setitem(READERS, "tokens", slow)
    assert lines_growth(Pattern("tokens", "", "a"), 50)[0] > 12
