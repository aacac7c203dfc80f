"""Markdown as text for a terminal: headings underlined, tables aligned or, where they are too wide, row by row.

Fenced blocks stay as they are.
"""

from __future__ import annotations

import re
from itertools import takewhile, zip_longest
from textwrap import fill, wrap

_HEADING = re.compile(r"\s*(#{1,6})\s+(?P<text>.*?)\s*#*\s*\Z")
_ITEM = re.compile(r"(?P<indent>\s*)(?P<mark>[-*+•]|\d{1,3}[.)])\s+(?P<text>.*)")
_RULE = re.compile(r"\s*\|?(?:\s*:?-{2,}:?\s*\|?)+\s*\Z")
_EMPHASIS = re.compile(r"(\*\*\*|\*\*|__|\*|(?<![\w])_)(?=\S)(?P<text>[^*_\n]*?\S)\1(?!\w)")
_CODE = re.compile(r"`([^`\n]+)`")
_FENCE = re.compile(r"(`{3,})")
_BAR = re.compile(r"(?<!\\)\|")
_MIN_COLUMN = 12  # characters, below which a table is written row by row
_GAP = "  "


def markdown_to_text(text: str, width: int) -> str:
    """Lay out Markdown in lines of at most `width` characters."""
    lines, out = text.split("\n"), []
    while lines:
        if lines[0].lstrip().startswith("|"):
            rows = []
            while lines and lines[0].lstrip().startswith("|"):
                rows.append(lines.pop(0))
            out.append(_table([_cells(row) for row in rows if not _RULE.match(row)], width))
        elif fence := _FENCE.match(lines[0]):
            out += _block(lines, fence[1])
        else:
            out.append(_line(lines.pop(0), width))
    return "\n".join(out)


def _block(lines: list[str], fence: str) -> list[str]:
    """Take a fenced block off the lines, and return what it holds as it is."""
    lines.pop(0)
    inside = list(takewhile(lambda line: not line.startswith(fence), lines))
    del lines[: len(inside) + 1]
    return inside


def plain(text: str) -> str:
    """Return a line without the marks of emphasis and code."""
    return _CODE.sub(
        r"\1", _EMPHASIS.sub(lambda match: match["text"], _EMPHASIS.sub(lambda match: match["text"], text))
    )


def _line(line: str, width: int) -> str:
    if heading := _HEADING.match(line):
        text = plain(heading["text"])
        return f"{text}\n{('=' if len(heading[1]) == 1 else '-') * min(len(text), width)}"
    if item := _ITEM.fullmatch(line):
        label = f"{item['indent']}{item['mark']} "
        return fill(plain(item["text"]), width, initial_indent=label, subsequent_indent=" " * len(label))
    return fill(plain(line), width)


def _cells(row: str) -> list[str]:
    return [plain(cell.strip()) for cell in _BAR.split(row.strip().removeprefix("|").removesuffix("|"))]


def _table(rows: list[list[str]], width: int) -> str:
    columns = max(map(len, rows), default=0)
    rows = [row + [""] * (columns - len(row)) for row in rows]
    widest = [max(len(row[i]) for row in rows) for i in range(columns)]
    room = width - len(_GAP) * (columns - 1)
    if sum(widest) > room:
        widest = _fitted(widest, room)
    if not rows or min(widest) < min(_MIN_COLUMN, *(max(len(row[i]) for row in rows) for i in range(columns))):
        return _row_by_row(rows, width)
    head, *body = ["\n".join(_aligned(row, widest)) for row in rows]
    return "\n".join([head, _GAP.join("-" * each for each in widest), *body])


def _fitted(widest: list[int], room: int) -> list[int]:
    """Share the room among the columns: narrow ones get what they need, wide ones equal parts of what is left."""
    fitted, left, remaining = [0] * len(widest), room, len(widest)
    for i in sorted(range(len(widest)), key=lambda i: widest[i]):
        fitted[i] = min(widest[i], max(left // remaining, 1))
        left, remaining = left - fitted[i], remaining - 1
    return fitted


def _aligned(row: list[str], widths: list[int]) -> list[str]:
    cells = [wrap(cell, each) or [""] for cell, each in zip(row, widths, strict=True)]
    return [
        _GAP.join(part.ljust(each) for part, each in zip(parts, widths, strict=True)).rstrip()
        for parts in zip_longest(*cells, fillvalue="")
    ]


def _row_by_row(rows: list[list[str]], width: int) -> str:
    """Write each row as a paragraph: its first cell, then the others under the names of their columns."""
    if len(rows) < 2:
        return "\n".join(fill(" | ".join(row), width) for row in rows)
    head, *body = rows
    return "\n".join(
        "\n".join(
            [fill(row[0], width)]
            + [
                fill(f"{name}: {cell}" if name else cell, width, initial_indent="  ", subsequent_indent="    ")
                for name, cell in zip(head[1:], row[1:], strict=True)
                if cell
            ]
        )
        for row in body
    )
