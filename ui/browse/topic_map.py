"""The map of the collection as SVG, with a legend of its topics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from rag.text.display import display_title
from rag.types import Paper
from ui.browse.topics import Atlas, Point, Topic
from ui.html.markup import text

Places = NDArray[np.float64]

WIDTH, HEIGHT = 1000, 800
_MARGIN = 36
_LINE = 22.0  # height of a line of a label
_BASELINE = 6.0  # from the middle of a line down to its baseline
_LETTER = 9.5  # mean width of a letter of a label
_NUMBER = 21.0  # radius of the number that stands for a label on a narrow map
_MARK = 9.0  # radius of a mark
_STEP = 10  # between the places that are tried for a label
_FARTHEST = 260.0  # of a label from the middle of its points: farther off it seems another topic's
_COLOURS = 8
_SHAPES = (
    "M-6 0a6 6 0 1 0 12 0a6 6 0 1 0-12 0z",  # a disc
    "M-5.4-5.4h10.8v10.8h-10.8z",  # a square
    "M0-7 6.6 5h-13.2z",  # a triangle
    "M0-7.6 7.2 0 0 7.6-7.2 0z",  # a diamond
    "M-2.3-6.6h4.6v4.3h4.3v4.6h-4.3v4.3h-4.6v-4.3h-4.3v-4.6h4.3z",  # a plus
    "M0 7-6.6-5h13.2z",  # a triangle pointing down
)


def map_to_html(atlas: Atlas, papers: Mapping[str, Paper]) -> str:
    """Return the map: a button for each paper by topic, the topics' names, a legend, and a panel for a paper."""
    if not atlas.points:
        return ""
    return (
        '<section class="cd-map" aria-labelledby="cd-map-title"><h2 id="cd-map-title">Map of the collection</h2>'
        f'<p class="cd-map-about" id="cd-map-about">{_about(len(atlas.points), len(papers))}</p>'
        f'<div class="cd-map-body"><div class="cd-map-box">{_svg(atlas, papers)}'
        '<div class="cd-map-tip" aria-hidden="true" hidden></div></div>'
        f"{_legend(atlas.topics)}</div>"
        '<div class="cd-map-panel" id="cd-map-panel" role="region" aria-label="Paper chosen on the map"'
        ' aria-live="polite" tabindex="-1"><p class="cd-map-hint">Choose a point to read its paper here.</p></div>'
        "</section>"
    )


def point_numbers(atlas: Atlas) -> dict[str, int]:
    """Number the papers on the map in the order in which they are drawn, as the script does."""
    return {point.paper_id: number for number, point in enumerate(_drawn(atlas.points))}


def _about(shown: int, total: int) -> str:
    sample = "" if shown == total else f" It shows {shown} of {total} papers, evenly chosen."
    return (
        "Each mark is a paper. Papers near each other have similar abstracts; directions and large distances mean"
        " nothing. Colours and shapes are topics found by k-means and named by their words; the layout is a t-SNE"
        f" projection of the abstracts’ embeddings.{sample} Arrow keys go from mark to mark, Enter opens a paper."
    )


def _drawn(points: Sequence[Point]) -> list[Point]:
    return sorted(points, key=lambda point: (point.topic_id, point.y, point.x, point.paper_id))


def _svg(atlas: Atlas, papers: Mapping[str, Paper]) -> str:
    drawn = _drawn(atlas.points)
    groups = "".join(
        _group(atlas.topics[topic_id], list(points), papers, first=points_before(drawn, topic_id) == 0)
        for topic_id, points in groupby(drawn, key=lambda point: point.topic_id)
    )
    return (
        f'<svg class="cd-map-svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="group" aria-label="Papers by similarity"'
        f' aria-describedby="cd-map-about">{groups}'
        f'<g class="cd-map-labels" aria-hidden="true">{_labels(atlas)}</g></svg>'
    )


def points_before(drawn: Sequence[Point], topic_id: int) -> int:
    """Return the number of points that are drawn before a topic's."""
    return sum(point.topic_id < topic_id for point in drawn)


def _group(topic: Topic, points: Sequence[Point], papers: Mapping[str, Paper], first: bool) -> str:
    """Return the marks of a topic; `first` makes its first mark the one that the Tab key reaches."""
    marks = "".join(_mark(point, papers[point.paper_id], first and not number) for number, point in enumerate(points))
    return (
        f'<g class="cd-topic {_colour(topic.topic_id)}" data-topic="{topic.topic_id}" role="group"'
        f' aria-label="{text(topic.name)}">{marks}</g>'
    )


def _mark(point: Point, paper: Paper, entered: bool) -> str:
    x, y = _position(point)
    return (
        f'<g class="cd-point" role="button" tabindex="{0 if entered else -1}" data-action="browse-point"'
        f' data-paper="{text(point.paper_id)}" aria-label="{text(display_title(paper.title))}"'
        f' transform="translate({x:.0f} {y:.0f})"><path d="{_shape(point.topic_id)}"/></g>'
    )


def _position(point: Point) -> tuple[float, float]:
    return _MARGIN + point.x * (WIDTH - 2 * _MARGIN), _MARGIN + point.y * (HEIGHT - 2 * _MARGIN)


def _labels(atlas: Atlas) -> str:
    """Return the labels: each topic's name in one or two lines, and its number for narrow maps."""
    parts = []
    for topic, (x, y) in _label_positions(atlas):
        lines = _lines(topic.name)
        first = y - (len(lines) - 1) * _LINE / 2 + _BASELINE
        spans = "".join(
            f'<tspan x="{x:.0f}" y="{first + number * _LINE:.0f}">{text(line)}</tspan>'
            for number, line in enumerate(lines)
        )
        parts.append(
            f'<g class="cd-label {_colour(topic.topic_id)}" data-topic="{topic.topic_id}">'
            f'<text class="cd-label-name">{spans}</text>'
            f'<g class="cd-label-number" transform="translate({x:.0f} {y:.0f})"><circle r="{_NUMBER:.0f}"/>'
            f'<text dy="9.5">{topic.topic_id + 1}</text></g></g>'
        )
    return "".join(parts)


def _label_positions(atlas: Atlas) -> list[tuple[Topic, tuple[float, float]]]:
    """Return the centres of the labels: each the nearest to its topic's points where it covers no mark and no label.

    A topic without such a place has its name in the legend alone.
    """
    marks = np.array([_position(point) for point in atlas.points])
    taken = np.empty((0, 4))  # centre and half size of each label
    placed: list[tuple[Topic, tuple[float, float]]] = []
    grid = np.stack(np.meshgrid(np.arange(0, WIDTH + 1, _STEP), np.arange(0, HEIGHT + 1, _STEP)), axis=-1).reshape(
        -1, 2
    )
    for topic in atlas.topics:
        own = marks[[point.topic_id == topic.topic_id for point in atlas.points]]
        if not len(own):
            continue
        half = np.array(_half_size(topic))
        distances = np.linalg.norm(grid - np.median(own, axis=0), axis=1)
        within = (grid >= half).all(axis=1) & (grid <= (WIDTH, HEIGHT) - half).all(axis=1)
        near = grid[within & (distances <= _FARTHEST)]
        near = near[np.argsort(distances[within & (distances <= _FARTHEST)], kind="stable")]
        free = ~_covers(near, half, marks, np.full(2, _MARK)) & ~_covers(near, half, taken[:, :2], taken[:, 2:])
        if free.any():
            x, y = near[free][0]
            taken = np.vstack([taken, (x, y, *half)])
            placed.append((topic, (float(x), float(y))))
    return placed


def _covers(centres: Places, half: Places, others: Places, other_halves: Places) -> NDArray[np.bool_]:
    """Return for boxes of half a size around centres (n, 2) whether each overlaps one of others (m, 2)."""
    apart = np.abs(centres[:, None, :] - others[None, :, :])
    covered: NDArray[np.bool_] = np.any(np.all(apart < half + other_halves, axis=-1), axis=1)
    return covered


def _half_size(topic: Topic) -> tuple[float, float]:
    """Return half the width and height of a topic's label, at least those of its number."""
    lines = _lines(topic.name)
    width = max(map(len, lines)) * _LETTER / 2
    return max(width, _NUMBER), max(len(lines) * _LINE / 2, _NUMBER)


def _lines(name: str) -> list[str]:
    """Break a name into at most two lines, about equally long."""
    words = name.split()
    breaks = [(" ".join(words[:i]), " ".join(words[i:])) for i in range(1, len(words))]
    return list(min(breaks, key=lambda lines: max(map(len, lines)), default=(name,)))


def _legend(topics: Sequence[Topic]) -> str:
    """Return the topics as buttons that dim the others."""
    items = "".join(
        f'<li><button type="button" class="cd-key {_colour(topic.topic_id)}" data-action="browse-topic"'
        f' data-topic="{topic.topic_id}" aria-pressed="false"><svg viewBox="-9 -9 18 18" aria-hidden="true">'
        f'<path d="{_shape(topic.topic_id)}"/></svg><span class="cd-key-number">{topic.topic_id + 1}</span>'
        f'<span>{text(topic.name)}</span><span class="cd-key-size">{topic.size}</span>'
        "</button></li>"
        for topic in topics
    )
    return f'<ul class="cd-legend" aria-label="Topics: show one at a time">{items}</ul>'


def _colour(topic_id: int) -> str:
    return f"cd-c{topic_id % _COLOURS}"


def _shape(topic_id: int) -> str:
    return _SHAPES[topic_id % len(_SHAPES)]
