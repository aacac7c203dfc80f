from __future__ import annotations

import json
from pathlib import Path

from eval.runs.folder import last_folder, note_last
from ui.last_evaluation import evaluation_to_html

SUMMARY = {
    "answered": 3,
    "run": {"papers": 4, "started": "2026-01-02T03:04:05+00:00", "mode": "<extractive>"},
    "measures": {"overall": {"success@1": {"mean": 0.667, "low": 0.3, "high": 1.0, "n": 3}, "mrr": {"mean": 0.5}}},
}


def report(folder: Path, summary: object = SUMMARY) -> Path:
    folder.mkdir()
    (folder / "report.html").write_text("<h1>Report</h1>")
    (folder / "report.json").write_text(json.dumps(summary))
    return folder


def test_without_a_report_the_command_that_makes_one_is_named(tmp_path: Path) -> None:
    html = evaluation_to_html(tmp_path, None)
    assert "No evaluation has been run on this index yet." in html
    assert "citedesk eval run --gold eval/gold/dev.jsonl --no-llm --out runs/today" in html
    assert "There is no report in" in evaluation_to_html(tmp_path, tmp_path / "nowhere")


def test_last_report_is_shown_with_its_figures_in_words(tmp_path: Path) -> None:
    note_last(tmp_path, report(tmp_path / "run"))
    html = evaluation_to_html(tmp_path, None)
    assert "3 questions with known answers were asked of 4 papers on 2026-01-02 (&lt;extractive&gt; answers)." in html
    assert "<strong>67 %</strong> [30–100] the first paper found was one that belongs (n = 3)." in html
    assert '<iframe class="cd-report" src="page/report" title="Report of the last evaluation" sandbox>' in html


def test_report_that_is_named_goes_before_the_last_one(tmp_path: Path) -> None:
    note_last(tmp_path, report(tmp_path / "run"))
    other = report(tmp_path / "other", {**SUMMARY, "answered": 9})
    assert "9 questions" in evaluation_to_html(tmp_path, other)


def test_report_that_was_removed_or_damaged_is_not_shown(tmp_path: Path) -> None:
    folder = report(tmp_path / "run", ["no object"])
    note_last(tmp_path, folder)
    assert "<iframe" not in evaluation_to_html(tmp_path, None)
    (folder / "report.html").unlink()
    assert last_folder(tmp_path) is None
    (tmp_path / "last-evaluation").write_bytes(b"\xff")
    assert last_folder(tmp_path) is None


def test_report_is_made_also_where_there_is_no_index_to_note_it_at(tmp_path: Path) -> None:
    home = tmp_path / "nowhere"
    note_last(home, report(tmp_path / "run"))
    assert last_folder(home) is None
    assert not home.exists()
