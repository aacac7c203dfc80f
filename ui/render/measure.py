"""What an evaluation found, in words for those who did not run it (pure)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ui.render.markup import text

_SENTENCES = {
    "success@1": "the first paper found was one that belongs",
    "recall@20": "of the papers that belong, this share was among the first 20 found",
    "cited_precision": "of the papers cited, this share belongs to the answer",
    "cited_recall": "of the papers that belong, this share was cited",
    "quotes_verbatim": "of the quotes shown, this share stands word for word in its abstract",
    "rightly_refused": "of the questions that the collection cannot answer, this share was refused",
    "wrongly_refused": "of the questions that it can answer, this share was refused, which is wrong",
    "sentences_supported": "of the sentences that a model wrote, this share was found supported",
}


def measured_to_html(summary: Mapping[str, Any]) -> str:
    """Say the main figures with their intervals, then show the report itself."""
    run = summary.get("run", {})
    measures = summary.get("measures", {}).get("overall", {})
    figures = "".join(_figure(measures[name], meaning) for name, meaning in _SENTENCES.items() if name in measures)
    about = (
        f"{summary.get('answered', 0)} questions with known answers were asked of {run.get('papers', 0)} papers on "
        f"{str(run.get('started', ''))[:10]} ({run.get('mode', '')} answers). The bracket after a figure is its 95 % "
        "interval: with other questions of this kind the figure would probably lie in it. Below is the whole report, "
        "question by question."
    )
    return (
        f'<div class="cd-measure"><h2>How good the answers are</h2><p>{text(about)}</p>'
        f'<ul class="cd-figures">{figures}</ul></div>'
        '<iframe class="cd-report" src="page/report" title="Report of the last evaluation" sandbox></iframe>'
    )


def unmeasured_to_html(named: Path | None) -> str:
    """Say how to measure, where nothing has been."""
    why = f"There is no report in {named.name}." if named else "No evaluation has been run on this index yet."
    command = "citedesk eval run --gold eval/gold/dev.jsonl --no-llm --out runs/today"
    how = "This command asks questions whose answers are known, and takes about a minute; then open this tab again:"
    return (
        f'<div class="cd-measure"><h2>How good the answers are</h2><p>{text(why)} {how}</p>'
        f"<pre><code>{command}</code></pre></div>"
    )


def _figure(measure: Mapping[str, Any], meaning: str) -> str:
    low, high, count = measure.get("low"), measure.get("high"), measure.get("n", 0)
    interval = f" [{_percent(low)}–{_percent(high)}]" if low is not None and high is not None else ""
    return f"<li><strong>{_percent(measure.get('mean'))} %</strong>{interval} {text(meaning)} (n = {count}).</li>"


def _percent(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:.0f}"
