"""Charts as inline SVG: sizes in pixels, colours by CSS class, all text escaped."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

from eval.stats import Interval

_ROW = 26
_LABEL = 120


@dataclass(frozen=True, slots=True)
class Line:
    """A curve through (x, y) points; `css` is its class."""

    points: Sequence[tuple[float, float]]
    css: str


def interval_plot(rows: Sequence[tuple[str, Interval]], title: str, width: int = 440) -> str:
    """Draw shares from 0 to 1 as dots on their intervals, a row each; the first row is set off as the whole."""
    height = _ROW * len(rows) + 26
    span = width - _LABEL - 92

    def x(share: float) -> float:
        return _LABEL + span * share

    marks = [
        f'<line class="grid" x1="{x(at):.1f}" y1="4" x2="{x(at):.1f}" y2="{height - 20}"/>'
        f'<text class="tick" x="{x(at):.1f}" y="{height - 5}" text-anchor="middle">{at:g}</text>'
        for at in (0, 0.25, 0.5, 0.75, 1)
    ]
    for index, (label, interval) in enumerate(rows):
        y = _ROW * index + 16
        css = "whole" if index == 0 else "part"
        marks.append(
            f'<text class="label" x="{_LABEL - 10}" y="{y + 4}" text-anchor="end">{escape(label)}</text>'
            f'<line class="bar {css}" x1="{x(interval.low):.1f}" y1="{y}" x2="{x(interval.high):.1f}" y2="{y}"/>'
            f'<circle class="dot {css}" cx="{x(interval.mean):.1f}" cy="{y}" r="5"/>'
            f'<text class="value" x="{width - 2}" y="{y + 4}" text-anchor="end">{interval.mean:.2f}'
            f'<tspan class="n"> n={interval.n}</tspan></text>'
        )
    return _svg(width, height, title, marks)


def interval_bar(interval: Interval, title: str, width: int = 150) -> str:
    """Draw one share on its interval, on a line from 0 to 1."""

    def x(share: float) -> float:
        return 5 + (width - 10) * share

    marks = [
        f'<line class="track" x1="{x(0)}" y1="8" x2="{x(1)}" y2="8"/>',
        f'<line class="bar whole" x1="{x(interval.low):.1f}" y1="8" x2="{x(interval.high):.1f}" y2="8"/>',
        f'<circle class="dot whole" cx="{x(interval.mean):.1f}" cy="8" r="5"/>',
    ]
    return _svg(width, 16, title, marks)


def histogram(values: Sequence[float], title: str, unit: str, bins: int = 24, width: int = 440) -> str:
    """Draw how often values occur, in bins of equal width from 0 to beyond the largest; at least one value."""
    height, left, foot = 190, 34, 34
    step = _round_step(max(values) or 1.0)
    ticks = int(max(values) / step) + 1
    most, base = step * ticks, height - foot
    counts = [0] * bins
    for value in values:
        counts[min(int(bins * value / most), bins - 1)] += 1
    wide, tall = (width - left - 24) / bins, (base - 10) / max(counts)
    marks = [
        f'<rect class="column" x="{left + wide * i + 0.5:.1f}" y="{base - tall * count:.1f}" width="{wide - 1:.1f}" '
        f'height="{tall * count:.1f}"><title>{most * i / bins:,.0f} to {most * (i + 1) / bins:,.0f} {escape(unit)}: '
        f"{count}</title></rect>"
        for i, count in enumerate(counts)
        if count
    ]
    marks.append(f'<line class="axis" x1="{left}" y1="{base}" x2="{width - 24}" y2="{base}"/>')
    for tick in range(ticks + 1):
        x = left + wide * bins * tick / ticks
        marks.append(f'<text class="tick" x="{x:.1f}" y="{base + 15}" text-anchor="middle">{step * tick:,g}</text>')
    marks.append(f'<text class="tick" x="{width - 24}" y="{height - 4}" text-anchor="end">{escape(unit)}</text>')
    marks.append(f'<text class="tick" x="{left - 6}" y="18" text-anchor="end">{max(counts)}</text>')
    marks.append(f'<text class="tick" x="{left - 6}" y="{base}" text-anchor="end">0</text>')
    return _svg(width, height, title, marks)


def curve_plot(
    lines: Sequence[Line], band: Sequence[tuple[float, float, float]], title: str, size: tuple[int, int] = (440, 240)
) -> str:
    """Draw curves of shares over depths from 1, and a band of (depth, low, high) behind them."""
    width, height = size
    left, foot = 34, 22
    deepest = max([point[0] for line in lines for point in line.points], default=1.0)

    def at(depth: float, share: float) -> str:
        x = left + (width - left - 14) * (depth - 1) / max(deepest - 1, 1)
        return f"{x:.1f},{10 + (height - foot - 10) * (1 - share):.1f}"

    marks = []
    for share in (0, 0.25, 0.5, 0.75, 1):
        x, y = at(1, share).split(",")
        marks.append(f'<line class="grid" x1="{x}" y1="{y}" x2="{width - 14}" y2="{y}"/>')
        marks.append(f'<text class="tick" x="{left - 6}" y="{float(y) + 4:.1f}" text-anchor="end">{share:g}</text>')
    for depth in (1, *range(10, int(deepest) + 1, 10)):
        x = at(depth, 0).split(",")[0]
        marks.append(f'<text class="tick" x="{x}" y="{height - 4}" text-anchor="middle">{depth}</text>')
    if band:
        edge = [at(depth, low) for depth, low, _ in band] + [at(depth, high) for depth, _, high in reversed(band)]
        marks.append(f'<polygon class="band" points="{" ".join(edge)}"/>')
    for line in lines:
        points = " ".join(at(*point) for point in line.points)
        marks.append(f'<polyline class="curve {line.css}" points="{points}"/>')
    return _svg(width, height, title, marks)


def reliability_plot(rows: Sequence[tuple[float, float, int]], title: str, width: int = 240) -> str:
    """Draw shares that turned out right over stated probabilities, (probability, share, count), beside the diagonal.

    A dot's area grows with the logarithm of the count, which stands in its tooltip.
    """
    left, foot, top = 34, 22, 10
    side = width - left - top

    def at(x: float, y: float) -> tuple[str, str]:
        return f"{left + side * x:.1f}", f"{top + side * (1 - y):.1f}"

    marks = []
    for share in (0, 0.25, 0.5, 0.75, 1):
        (x, low), (right, y) = at(share, 0), at(1, share)
        marks.append(f'<line class="grid" x1="{left}" y1="{y}" x2="{right}" y2="{y}"/>')
        marks.append(f'<text class="tick" x="{left - 6}" y="{float(y) + 4:.1f}" text-anchor="end">{share:g}</text>')
        marks.append(f'<text class="tick" x="{x}" y="{float(low) + 16:.1f}" text-anchor="middle">{share:g}</text>')
    marks.append(f'<polyline class="curve" points="{",".join(at(0, 0))} {",".join(at(1, 1))}"/>')
    for probability, share, count in rows:
        x, y = at(probability, share)
        size = 1.5 * math.sqrt(1 + math.log(max(count, 1)))
        marks.append(f'<circle class="dot" cx="{x}" cy="{y}" r="{size:.1f}"><title>{count}</title></circle>')
    return _svg(width, top + side + foot, title, marks)


def ratio_plot(ratios: Mapping[str, float], title: str, width: int = 640) -> str:
    """Draw positive ratios as dots on a logarithmic axis, a row each, with a line at 1."""
    height, left, right = _ROW * len(ratios) + 26, 330, 60
    low, high = _powers([*ratios.values(), 1.0])

    def x(ratio: float) -> float:
        return left + (width - left - right) * (math.log10(ratio) - low) / (high - low)

    marks = [
        f'<line class="grid" x1="{x(10.0**power):.1f}" y1="4" x2="{x(10.0**power):.1f}" y2="{height - 20}"/>'
        f'<text class="tick" x="{x(10.0**power):.1f}" y="{height - 5}" text-anchor="middle">{10.0**power:g}</text>'
        for power in range(low, high + 1)
    ]
    for index, (label, ratio) in enumerate(ratios.items()):
        y = _ROW * index + 16
        marks.append(
            f'<text class="label" x="{left - 10}" y="{y + 4}" text-anchor="end">{escape(label)}</text>'
            f'<line class="bar" x1="{x(1.0):.1f}" y1="{y}" x2="{x(ratio):.1f}" y2="{y}"/>'
            f'<circle class="dot" cx="{x(ratio):.1f}" cy="{y}" r="5"/>'
            f'<text class="value" x="{width - 2}" y="{y + 4}" text-anchor="end">{ratio:.2f}</text>'
        )
    return _svg(width, height, title, marks)


def log_log_plot(
    curves: Mapping[str, Sequence[tuple[float, float]]], title: str, unit: str, size: tuple[int, int] = (560, 340)
) -> str:
    """Draw curves of positive values over positive sizes, both on logarithmic axes; each is named at its end."""
    width, height = size
    left, right, foot = 48, 190, 26
    points = [point for curve in curves.values() for point in curve]
    (least, most), (low, high) = (_powers([point[i] for point in points]) for i in (0, 1))

    def x(value: float) -> float:
        return left + (width - left - right) * (math.log10(value) - least) / (most - least)

    def y(value: float) -> float:
        return 24 + (height - foot - 24) * (high - math.log10(max(value, 10.0**low))) / (high - low)

    marks = [f'<text class="tick" x="{left - 6}" y="9" text-anchor="end">{escape(unit)}</text>']
    for power in range(low, high + 1):
        at = y(10.0**power)
        marks.append(f'<line class="grid" x1="{left}" y1="{at:.1f}" x2="{width - right}" y2="{at:.1f}"/>')
        marks.append(f'<text class="tick" x="{left - 6}" y="{at + 4:.1f}" text-anchor="end">{10.0**power:,g}</text>')
    for power in range(least, most + 1):
        marks.append(
            f'<text class="tick" x="{x(10.0**power):.1f}" y="{height - 6}" text-anchor="middle">{10**power:,}</text>'
        )
    beside: list[float] = []  # heights of the names, kept apart
    for name, curve in sorted(curves.items(), key=lambda item: y(item[1][-1][1])):
        beside.append(max(y(curve[-1][1]) + 4, beside[-1] + 14 if beside else 0.0))
        line = " ".join(f"{x(at):.1f},{y(value):.1f}" for at, value in curve)
        marks.append(f'<polyline class="curve" points="{line}"/>')
        marks += [f'<circle class="dot" cx="{x(at):.1f}" cy="{y(value):.1f}" r="3"/>' for at, value in curve]
        marks.append(f'<text class="label" x="{x(curve[-1][0]) + 8:.1f}" y="{beside[-1]:.1f}">{escape(name)}</text>')
    return _svg(width, height, title, marks)


def trade_off_plot(
    points: Mapping[str, tuple[float, float]], title: str, unit: str, size: tuple[int, int] = (760, 420)
) -> str:
    """Draw named points, (cost, value), with the positive costs on a logarithmic axis; each is named beside its dot."""
    width, height = size
    left, right, foot = 48, 200, 26
    costs, values = [cost for cost, _ in points.values()], [value for _, value in points.values()]
    least, most = math.log10(min(costs)) - 0.05, math.log10(max(costs)) + 0.05
    step = _round_step(max(max(values) - min(values), 1e-6))
    low, high = step * math.floor(min(values) / step), step * math.ceil(max(values) / step + 1e-9)

    def x(cost: float) -> float:
        return left + (width - left - right) * (math.log10(cost) - least) / (most - least)

    def y(value: float) -> float:
        return 24 + (height - foot - 24) * (high - value) / (high - low)

    marks = []
    for tick in range(round((high - low) / step) + 1):
        at = y(low + step * tick)
        marks.append(f'<line class="grid" x1="{left}" y1="{at:.1f}" x2="{width - right}" y2="{at:.1f}"/>')
        marks.append(
            f'<text class="tick" x="{left - 6}" y="{at + 4:.1f}" text-anchor="end">{low + step * tick:.4g}</text>'
        )
    for cost in sorted({float(f"{10 ** (least + (most - least) * part / 5):.2g}") for part in range(6)}):
        marks.append(f'<text class="tick" x="{x(cost):.1f}" y="{height - 6}" text-anchor="middle">{cost:g}</text>')
    marks.append(f'<text class="tick" x="{width - right + 6}" y="{height - 6}">{escape(unit)}</text>')
    beside: list[tuple[float, float]] = []  # places of the names, kept apart
    for name, (cost, value) in sorted(points.items(), key=lambda item: (y(item[1][1]), item[1][0])):
        across, down = x(cost) + 7, y(value) + 4
        while any(abs(across - a) < 6.2 * len(name) and abs(down - d) < 12 for a, d in beside):
            down += 12
        beside.append((across, down))
        marks.append(f'<circle class="dot" cx="{x(cost):.1f}" cy="{y(value):.1f}" r="3"/>')
        marks.append(f'<text class="label" x="{across:.1f}" y="{down:.1f}">{escape(name)}</text>')
    return _svg(width, height, title, marks)


def standalone(svg: str) -> str:
    """Return a chart as a file of its own, in grey and black on white."""
    style = "text{font:11px sans-serif}.grid{stroke:#ddd}.curve,.bar{fill:none;stroke:#999}"
    return svg.replace(">", f'><style>{style}</style><rect width="100%" height="100%" fill="#fff"/>', 1) + "\n"


def _powers(values: Sequence[float]) -> tuple[int, int]:
    """Return the powers of ten, at least one apart, between which positive values lie."""
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
    return low, max(high, low + 1)


def _round_step(most: float) -> float:
    """Return the distance between ticks, 1, 2 or 5 times a power of ten: three to eight of them reach `most`."""
    power = 10.0 ** math.floor(math.log10(most / 3))
    return next(power * factor for factor in (1, 2, 5, 10) if most / (power * factor) <= 7)


def _svg(width: int, height: int, title: str, marks: Sequence[str]) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        f'role="img" aria-label="{escape(title)}">{"".join(marks)}</svg>'
    )
