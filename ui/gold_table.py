"""The drafted gold questions in the Measure tab: each is kept, corrected or dropped, and the file is saved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import gradio as gr

from eval.gold.questions import DRAFTS
from rag.corpus.files import parse_json_lines, to_json_lines, write_atomic
from rag.text.display import format_count
from ui.settings_tab import failure_to_html

_HEADERS = ["keep", "drop", "question", "type", "papers that belong", "id"]
_KEEP, _DROP, _QUESTION, _ID = 0, 1, 2, 5
_UNREADABLE = (OSError, ValueError, LookupError, TypeError, AttributeError)
_ABOUT = (
    "Questions that `citedesk eval draft` has drafted from the papers. Tick *keep* once a question and its papers are "
    "right, *drop* where they are not; the wording can be changed. `citedesk tune` fits the search to them."
)


def gold_table(home: Path, tab: gr.Tab) -> None:
    """Add the table to a tab; it is filled when the tab is selected, and hidden where nothing was drafted."""
    table = _Table(home / DRAFTS)
    with gr.Accordion("Drafted questions", open=False, visible=False) as box:
        gr.Markdown(_ABOUT)
        shown = gr.Dataframe(
            headers=_HEADERS,
            datatype=["bool", "bool", "str", "str", "str", "str"],
            type="array",
            interactive=True,
            wrap=True,
            column_count=len(_HEADERS),
            column_widths=["90px", "90px", "45%", "130px", "30%", "90px"],
            static_columns=[3, 4, 5],
            show_label=False,
        )
        save = gr.Button("Save", variant="primary")
        message = gr.HTML(js_on_load=None, apply_default_css=False)
    hidden: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
    tab.select(table.fill, outputs=[box, shown, message], **hidden)
    save.click(table.save, shown, [shown, message], **hidden)


class _Table:
    """Handles the events of one file."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def fill(self) -> tuple[Any, list[list[Any]], str]:
        """Show the drafts of the file, if it is there."""
        try:
            rows = to_rows(read_records(self._path))
        except _UNREADABLE as error:
            return gr.update(visible=not isinstance(error, FileNotFoundError)), [], _failed(self._path, error)
        return gr.update(visible=True), rows, ""

    def save(self, rows: Sequence[Sequence[Any]]) -> tuple[Any, str]:
        """Write what was decided, and show the drafts that are left."""
        try:
            records = revise(read_records(self._path), rows)
            left = to_rows(records)
            write_atomic(self._path, to_json_lines(records))
        except _UNREADABLE as error:
            return gr.skip(), _failed(self._path, error)
        kept = format_count(len(records) - len(left), "question")
        return left, f'<p role="status">Saved: {kept} kept, {format_count(len(left), "draft")} left to read.</p>'


def read_records(path: Path) -> list[dict[str, Any]]:
    """Read the lines of a gold file; raises OSError, or ValueError for a line that is no JSON object."""
    records = []
    for line, record in parse_json_lines(path.read_text(encoding="utf-8")):
        if isinstance(record, ValueError):
            raise ValueError(f"line {line}: {record}")
        records.append(dict(record))
    return records


def to_rows(records: Sequence[Mapping[str, Any]]) -> list[list[Any]]:
    """Return a row for each draft."""
    return [
        [
            False,
            False,
            each["question"],
            each["type"],
            "; ".join(str(paper.get("title", paper.get("paper_id"))) for paper in each.get("relevant", ())),
            each["id"],
        ]
        for each in records
        if each.get("drafted")
    ]


def revise(records: Sequence[Mapping[str, Any]], rows: Sequence[Sequence[Any]]) -> list[dict[str, Any]]:
    """Return the records with the decisions of the rows; a draft without a row stays as it is."""
    decided = {row[_ID]: row for row in rows}
    revised = []
    for record in records:
        row = decided.get(record.get("id")) if record.get("drafted") else None
        if row is None:
            revised.append(dict(record))
        elif row[_DROP] is not True:
            changed = {**record, "question": str(row[_QUESTION]).strip() or record["question"]}
            if row[_KEEP] is True:
                del changed["drafted"]
            revised.append(changed)
    return revised


def _failed(path: Path, error: Exception) -> str:
    return failure_to_html(f"{path.name} cannot be used ({error}). `citedesk eval draft --check` says more.")
