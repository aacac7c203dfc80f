"""The topics of a collection, their names, and the map."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from rag.models.onnx import Array
from rag.types import Paper
from ui.browse.topic_map import (
    HEIGHT,
    WIDTH,
    _half_size,
    _label_positions,
    _position,
    map_to_html,
    point_numbers,
)
from ui.browse.topic_names import topic_names
from ui.browse.topics import MAX_POINTS, Atlas, Point, Topic, lay_out, topic_count

CACHES = [
    Paper("c1", "Paging", "We page the KV cache. It is shared by GPUs."),
    Paper("c2", "Eviction", "We evict from a KV cache, and GPUs wait."),
    Paper("c3", "Tokens", "Of all LLMs, those with a KV cache are fast."),
]
ROBOTS = [
    Paper("r1", "Gaits", "We teach robots gaits, see https://sand.example/gaits."),
    Paper("r2", "Dunes", "On dunes, robots slip."),
    Paper("r3", "Arms", "We give robots an arm."),
]


def shelves(count: int) -> tuple[dict[str, Paper], dict[str, Array]]:
    """Return papers of two kinds with vectors that point two ways."""
    random = np.random.default_rng(0)
    papers = {f"p{n:05}": Paper(f"p{n:05}", f"Number {n}", ("Caches", "Robots")[n % 2]) for n in range(count)}
    rows = random.normal(size=(count, 30)) * 0.05
    rows[np.arange(count), np.arange(count) % 2] += 1
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return papers, dict(zip(papers, rows.astype(np.float32), strict=True))


def test_topics_are_named_by_what_sets_them_apart() -> None:
    assert topic_names([CACHES, ROBOTS]) == ("KV cache", "robots")


def papers_with(titles: Sequence[str]) -> list[Paper]:
    return [Paper(title, title, "We present results on large models.") for title in titles]


def test_names_are_phrases_of_titles() -> None:
    groups = [
        ["Bilevel Optimization of Boats", "Bi-Level Optimization by Sails", "Stochastic Bilevel Optimization"],
        ["Boat Design by Tides", "Boat Design and Keels", "Faster Hull Design", "Hull Design with Oars"],
        ["A Mixture of Sailors", "Mixtures of Sailors at Sea", "On the Mixture of Sailors"],
    ]
    names = topic_names([papers_with(titles) for titles in groups])
    assert names == ("bilevel optimization", "boat design", "mixture of sailors")


def test_names_do_not_share_a_phrase() -> None:
    groups = [papers_with([f"Sea Charts {n}" for n in range(4)]), papers_with([f"Sea Charts {n}" for n in range(4, 7)])]
    first, second = topic_names(groups)
    assert first != second


def test_labels_cover_no_mark_and_no_other_label() -> None:
    random = np.random.default_rng(1)
    names = ("tidal charts", "harbour and lighthouse design", "sails", "knots of many sailors")
    points = tuple(
        Point(f"p{n}", float(x), float(y), n % 4)
        for n, (x, y) in enumerate(np.clip(random.normal(0.5, 0.15, size=(300, 2)), 0, 1))
    )
    atlas = Atlas(tuple(Topic(n, name, 75) for n, name in enumerate(names)), {}, points)
    labels = _label_positions(atlas)
    boxes = [(*centre, *_half_size(topic)) for topic, centre in labels]
    assert labels
    for x, y, width, height in boxes:
        assert width <= x <= WIDTH - width and height <= y <= HEIGHT - height
        assert not any(abs(x - px) < width and abs(y - py) < height for px, py in map(_position, points))
    for i, (x, y, width, height) in enumerate(boxes):
        assert all(abs(x - a) >= width + w or abs(y - b) >= height + h for a, b, w, h in boxes[:i])


def test_name_holds_no_address_and_one_topic_is_all_papers() -> None:
    assert "example" not in topic_names([CACHES, ROBOTS])[1]
    assert topic_names([CACHES]) == ("All papers",)


def test_topics_without_words_are_numbered() -> None:
    blank = Paper("b", "The", "It is.")
    assert topic_names([[blank], [blank]]) == ("Other papers", "Other papers 2")


@pytest.mark.parametrize(("papers", "topics"), [(1, 1), (2, 1), (5, 1), (10, 2), (372, 12), (10_000, 16)])
def test_number_of_topics_fits_the_collection(papers: int, topics: int) -> None:
    assert topic_count(papers) == topics


@pytest.mark.parametrize("count", [0, 1, 2, 3, 5, 12, 40])
def test_every_paper_has_a_topic_and_a_place(count: int) -> None:
    atlas = lay_out(*shelves(count))
    assert len(atlas.points) == len(atlas.topic_of) == sum(topic.size for topic in atlas.topics) == count
    assert all(0 <= point.x <= 1 and 0 <= point.y <= 1 for point in atlas.points)


def test_same_papers_give_the_same_map_in_any_order() -> None:
    papers, vectors = shelves(40)
    turned = dict(reversed(vectors.items()))
    assert lay_out(papers, vectors) == lay_out(dict(reversed(papers.items())), turned)


def test_papers_that_are_all_alike_are_one_topic_at_one_place() -> None:
    papers, vectors = shelves(20)
    same = dict.fromkeys(vectors, vectors["p00000"])
    atlas = lay_out(papers, same)
    assert atlas.topics == (Topic(0, "All papers", 20),)
    assert {(point.x, point.y) for point in atlas.points} == {(0.5, 0.5)}


def test_kinds_of_papers_do_not_share_a_topic() -> None:
    papers, vectors = shelves(40)
    atlas = lay_out(papers, vectors)
    kinds = [
        {papers[paper_id].abstract for paper_id, of in atlas.topic_of.items() if of == topic.topic_id}
        for topic in atlas.topics
    ]
    assert [len(kind) for kind in kinds] == [1] * len(atlas.topics)


@pytest.mark.slow
def test_large_collection_is_drawn_in_part() -> None:
    atlas = lay_out(*shelves(MAX_POINTS + 500))
    assert len(atlas.points) == MAX_POINTS
    assert len(atlas.topic_of) == MAX_POINTS + 500


def test_map_has_a_named_button_for_each_paper_and_one_way_in() -> None:
    papers, vectors = shelves(12)
    papers["p00000"] = Paper("p00000", '<img src=x onerror="alert(1)">', "Caches")
    atlas = lay_out(papers, vectors)
    html = map_to_html(atlas, papers)
    assert html.count('role="button"') == 12
    assert html.count('tabindex="0"') == 1
    assert 'aria-label="Number 3"' in html
    assert "<img" not in html
    assert sorted(point_numbers(atlas).values()) == list(range(12))


def test_empty_collection_has_no_map() -> None:
    assert map_to_html(lay_out({}, {}), {}) == ""
