from __future__ import annotations

import pytest

from rag.models.encoder import Tagged
from rag.query.known_names import tag_author_names, tag_paper_names, tag_venue_names

PAPERS = {"PEBBLE", "reefCache", "Sand-Dune", "M-FAC"}
AUTHORS = {"LeFay"}


def tagged(text: str, *tags: tuple[str, str]) -> list[tuple[str, str]]:
    """Return the stretches and tags of a text, after names of papers are recognised."""
    stretches, at = [], 0
    for part, tag in tags:
        at = text.index(part, at)
        stretches.append(Tagged(at, at + len(part), tag, 0.8))
        at += len(part)
    found = tag_paper_names(stretches, text, PAPERS.__contains__, AUTHORS.__contains__)
    return [(text[each.start : each.end], each.tag) for each in found]


@pytest.mark.parametrize(
    ("text", "tags", "expected"),
    [
        (
            "How many authors do PEBBLE and reefCache have?",
            [("PEBBLE", "author"), ("reefCache", "author")],
            [("PEBBLE", "topic"), ("reefCache", "topic")],
        ),
        (
            "How many authors do PEBBLE, reefCache and QuiLT have?",
            [("PEBBLE, reefCache", "author"), ("QuiLT", "author")],
            [("PEBBLE", "topic"), ("reefCache", "topic"), ("QuiLT", "topic")],
        ),
        ("When did PEBBLE appear?", [("PEBBLE", "date")], [("PEBBLE", "topic")]),
        (
            "order of Sand-Dune, M-FAC",
            [("Sand", "topic"), ("-", "side"), ("Dune", "topic"), ("M", "topic")],
            [("Sand-Dune", "topic"), ("M-FAC", "topic")],
        ),
        ("Did LeFay write PEBBLE?", [("LeFay", "author")], [("LeFay", "author"), ("PEBBLE", "topic")]),
        ("QuiLT by DeVito", [("QuiLT", "author"), ("DeVito", "author")], [("QuiLT", "author"), ("DeVito", "author")]),
        ("who wrote PEBBLE, M-FAC", [("PEBBLE, M-FAC", "topic")], [("PEBBLE", "topic"), ("M-FAC", "topic")]),
        ("PEBBLE for M-FAC", [("PEBBLE for M-FAC", "topic")], [("PEBBLE for M-FAC", "topic")]),
        ("papers on end-to-end speech", [("end-to-end speech", "topic")], [("end-to-end speech", "topic")]),
    ],
)
def test_name_of_a_paper_is_a_topic_and_in_one_piece(
    text: str, tags: list[tuple[str, str]], expected: list[tuple[str, str]]
) -> None:
    assert tagged(text, *tags) == expected


def test_venue_that_is_written_out_is_one_stretch() -> None:
    text = "papers on disks from the International Conference on Sand Castles 2024 about Big Waves"
    parts = [("disks", "topic"), ("International", "organisation"), ("Conference", "venue"), ("Sand Castles", "topic")]
    stretches = [Tagged(text.index(part), text.index(part) + len(part), tag, 0.8) for part, tag in parts]
    found = tag_venue_names(stretches, text, "International Conference on Sand Castles".__eq__)
    assert [(text[each.start : each.end], each.tag) for each in found] == [
        ("disks", "topic"),
        ("International Conference on Sand Castles 2024", "venue"),
    ]
    assert tag_venue_names(stretches, text, "Sand Castles".__eq__) == stretches
    text = "papers not by Osei in the Journal of Sand"
    (found,) = tag_venue_names([], text, "Journal of Sand".__eq__)
    assert text[found.start : found.end] == "Journal of Sand"


def test_venue_of_two_words_is_one_stretch_where_one_is_tagged() -> None:
    text = "papers in Sand Journal"
    stretches = [Tagged(10, 14, "topic", 0.7), Tagged(15, 22, "venue", 0.5)]
    found = tag_venue_names(stretches, text, "Sand Journal".__eq__)
    assert [(text[each.start : each.end], each.tag) for each in found] == [("Sand Journal", "venue")]
    assert tag_venue_names(stretches[:1], text, "Sand Journal".__eq__) == stretches[:1]


@pytest.mark.parametrize(
    ("text", "tags", "expected"),
    [
        ("what did Ada B Quill publish", [("Ada", "author"), ("Quill", "organisation")], [("Ada B Quill", "author")]),
        ("papers of Bo van der Tanaka", [], [("Bo van der Tanaka", "author")]),
        ("papers by Osei on sand", [("sand", "topic")], [("Osei", "author"), ("sand", "topic")]),
        ("papers by Ann Ada B Quill", [("Ann Ada B Quill", "author")], [("Ann Ada B Quill", "author")]),
        ("who is Ada B Quill", [("Ada", "topic"), ("Quill", "topic")], [("Ada B Quill", "author")]),
        ("papers on Ada B Quill", [("Ada B Quill", "topic")], [("Ada B Quill", "topic")]),
        ("Has Ada B Quill published", [], [("Ada B Quill", "author")]),
        ("not by Osei", [("not by Osei", "exclusion")], [("not by Osei", "exclusion")]),
        ("papers on Osei", [], []),
        ("papers by Ruth", [], []),
    ],
)
def test_author_is_one_stretch_in_full_or_behind_by(
    text: str, tags: list[tuple[str, str]], expected: list[tuple[str, str]]
) -> None:
    stretches = [Tagged(text.index(part), text.index(part) + len(part), tag, 0.4) for part, tag in tags]
    found = tag_author_names(stretches, text, {"Ada B Quill", "Bo van der Tanaka", "Osei"}.__contains__)
    assert [(text[each.start : each.end], each.tag) for each in found] == expected
