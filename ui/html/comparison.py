"""A comparison as a table, a column for each thing; on a phone its cells stand below each other."""

from __future__ import annotations

from collections.abc import Sequence

from rag.answer import Aspect, Cell, Comparison, Thing
from rag.text.latex import latex_to_text
from ui.html.markup import attributes, bdi, text
from ui.html.prose import cite_to_html


def comparison_to_html(exchange_id: str, comparison: Comparison, question: str) -> str:
    """Return the table: the things as columns with their papers, the aspects as rows."""
    heads = "".join(f'<th scope="col">{_thing(exchange_id, each)}</th>' for each in comparison.things)
    rows = "".join(_row(exchange_id, each, comparison.things) for each in comparison.rows)
    given = attributes(class_="cd-wide", role="region", tabindex=0, aria_label=f"Side by side: {question}")
    return (
        f'<div{given}><table class="cd-compare"><thead><tr><td></td>{heads}</tr></thead>'
        f"<tbody>{rows}</tbody></table></div>"
    )


def _thing(exchange_id: str, thing: Thing) -> str:
    cited = "".join(cite_to_html(exchange_id, n) for n in thing.numbers)
    return f"{bdi(thing.name)} {cited or '<span>no paper here</span>'}"


def _row(exchange_id: str, aspect: Aspect, things: Sequence[Thing]) -> str:
    cells = "".join(
        f"<td{attributes(data_thing=thing.name)}>{_cells(exchange_id, cells)}</td>"
        for thing, cells in zip(things, aspect.cells, strict=True)
    )
    return f'<tr><th scope="row">{text(aspect.name)}</th>{cells}</tr>'


def _cells(exchange_id: str, cells: Sequence[Cell]) -> str:
    if not cells:
        return '<span class="cd-nothing">not said</span>'
    return "".join(
        f'<p><q class="cd-quote" dir="auto">{text(latex_to_text(each.quote.text))}</q>'
        f" {cite_to_html(exchange_id, each.n)}</p>"
        for each in cells
    )
