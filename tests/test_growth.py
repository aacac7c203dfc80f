from __future__ import annotations

import json
from itertools import islice
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from eval.report.charts import log_log_plot, ratio_plot
from eval.speed import growth
from eval.speed.growth import exponents, papers_of, plots, to_text
from eval.speed.stand_in import StandInEncoder
from rag.models.encoder import FOLDER, document_text, load_encoder
from rag.models.token_codec import load_token_codec


@pytest.fixture
def papers(tmp_path: Path) -> Path:
    file = tmp_path / "papers.jsonl"
    records = [
        {"title": "A B", "abstract": "One. Two.", "date": "2024"},
        {"title": "No abstract"},
        {"title": "C D", "text": "Three. Four."},
    ]
    file.write_text("".join(json.dumps(each) + "\n" for each in records), encoding="utf-8")
    return file


def test_papers_are_those_of_the_files_and_then_made_of_their_sentences(papers: Path) -> None:
    first, second, made = islice(papers_of([papers]), 3)
    assert first == {"paper_id": "p000000", "title": "A B", "abstract": "One. Two.", "date": "2024"}
    assert (second["title"], second["abstract"]) == ("C D", "Three. Four.")
    assert made["paper_id"] == "p000002"
    assert sorted(made["abstract"].split()) == ["Four.", "One.", "Three.", "Two."]


def test_as_many_papers_change_as_are_asked_for() -> None:
    papers = [{"paper_id": str(i), "abstract": "Old."} for i in range(1000)]
    for count in (1, 100):
        changed = [new for old, new in zip(papers, growth._with_changed(papers, count), strict=True) if new != old]
        assert len(changed) == count


def test_exponent_is_the_slope_of_the_logarithms() -> None:
    found = {1000: {"linear": 1.0, "flat": 2.0}, 100_000: {"linear": 100.0, "flat": 2.0}}
    slopes = exponents(found)
    assert slopes["linear"] == pytest.approx(1)
    assert slopes["flat"] == pytest.approx(0)
    assert to_text(found).splitlines()[1].split() == ["linear", "1", "100", "1.00"]


def test_plots_draw_each_curve_within_the_picture() -> None:
    drawn = ElementTree.fromstring(
        log_log_plot({"a & b": [(1000, 0.5), (50_000, 700.0)], "c": [(1000, 3.0)]}, "t", "s")
    )
    dots = [each for each in drawn if each.tag.endswith("circle")]
    assert len(dots) == 3
    assert all(0 <= float(dot.attrib["cy"]) <= 340 and 0 <= float(dot.attrib["cx"]) <= 560 for dot in dots)
    assert any(each.text == "a & b" for each in drawn)
    by_ratio = [each for each in ElementTree.fromstring(ratio_plot({"x": 0.1, "y": 9.0}, "t"))]
    left, right = (float(each.attrib["cx"]) for each in by_ratio if each.tag.endswith("circle"))
    assert left < right


def test_growth_plots_name_what_they_draw() -> None:
    names = ("build", "update of 1", "update of 100", "nothing changed")
    index = {f"{name}: CPU s": 1.0 for name in names}
    asked = {f"{prefix}question {p}, CPU ms": 1.0 for prefix in ("", "since 2024: ") for p in ("p50", "p95")}
    drawn = plots({1000: {**index, **asked}, 2000: {**index, **asked}})
    assert "update of 100: CPU s" in drawn["growth-index"]
    assert "since 2024: question p50, CPU ms" in drawn["growth-questions"]


def test_stand_in_has_the_form_of_the_encoder_and_finds_the_same_words() -> None:
    real = load_encoder()
    encoder = StandInEncoder(real)
    texts = [("Pebble", "A cache for models. It is small."), ("Quartz", "We grow crystals in orbit.")]
    found, expected = encoder.encode_documents(texts), real.encode_documents(texts)
    for own, other, text in zip(found, expected, texts, strict=True):
        assert own.tokens.vectors.shape == other.tokens.vectors.shape, document_text(*text)
        assert own.vector.shape == other.vector.shape
        assert own.tokens.spans.max() < len(text[1])
    question = encoder.encode_question("small cache for models")
    similar = [
        float(np.max(question.tokens @ load_token_codec(FOLDER).decode(each.tokens.vectors).T, axis=1).mean())
        for each in found
    ]
    assert similar[0] > similar[1]
    assert question.kinds == real.encode_question("small cache for models").kinds
