"""The papers of the browser tests: some of the project's own collection, and a few that mean harm or strain."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from rag.corpus.files import to_json_lines
from rag.corpus.reader import read_corpus
from rag.corpus.records import paper_to_record

_CORPUS = Path(__file__).parents[2] / "corpus"
_FIRST = 40
_ELSEWHERE = "https://elsewhere.example"

HOSTILE: tuple[dict[str, Any], ...] = (
    {
        "paper_id": "hostile-markup",
        "title": 'Zebrafish <img src=x onerror="window.harmed=1"> Markup <script>window.harmed=1</script>',
        "abstract": (
            "Zebrafish larvae swim in <b>bold</b> schools. <script>window.harmed=1</script> We track zebrafish larvae "
            'with <a href="javascript:window.harmed=1">a camera</a> at 90 Hz. "><svg onload=window.harmed=1>'
        ),
        "authors": ['<img src="x" onerror="window.harmed=1">', "Ada Quill"],
        "date": "2024-02-03",
        "url": "https://example.org/zebrafish",
    },
    {
        "paper_id": "hostile-image",
        "title": f"Pangolin Sensing ![scales]({_ELSEWHERE}/title.png)",
        "abstract": (
            f"Pangolins are sensed by radar on farms. ![map]({_ELSEWHERE}/map.png) "
            f'Pangolin radar needs 4 W of power. <img src="{_ELSEWHERE}/pangolin.png">'
        ),
        "authors": ["Bo Tanaka"],
        "date": "2023-11",
    },
    {
        "paper_id": "right-to-left",
        "title": "ترجمة الآلة العصبية (Neural Machine Translation): Falcon",
        "abstract": "نقدم نظام Falcon لترجمة الآلة العصبية. Falcon translates Arabic poetry with 12 layers (v2.0).",
        "authors": ["ليلى حداد"],
        "date": "2022-05-01",
    },
    {
        "paper_id": "endless",
        "title": "Marmot: A Very Long Account of Burrows",
        "abstract": ("Marmots dig burrows of great depth. " + "unbrokenmarmotburrow" * 40 + ". ") * 24,
        "authors": ["Cem Osei"],
        "date": "2021",
    },
)
LATER: dict[str, Any] = {
    "paper_id": "later-okapi",
    "title": "Okapi: Stripes That Came Later",
    "abstract": "Okapis hide in forests by their stripes. We count 73 okapis from photographs of their stripes.",
    "authors": ["Dora Lind"],
    "date": "2025-01-09",
}


def write_collection(path: Path, *more: dict[str, Any]) -> Path:
    """Write the papers as JSON Lines that `citedesk index` reads."""
    papers = read_corpus((_CORPUS,), 2025).papers[:_FIRST]
    path.write_text(to_json_lines([*map(paper_to_record, papers), *HOSTILE, *more]), encoding="utf-8")
    return path


def write_questions(path: Path) -> Path:
    """Write a few questions with known answers, for an evaluation of the collection."""
    rows = (
        ("Q1", "set", "Which papers are about quantization?", "8-bit Optimizers via Block-wise Quantization"),
        (
            "Q2",
            "lookup",
            "What does FlashAttention-2 do?",
            "FlashAttention-2: Faster Attention with Better Parallelism",
        ),
    )
    lines = []
    for name, kind, question, title in rows:
        found = next(each for each in read_corpus((_CORPUS,), 2025).papers if each.title.startswith(title))
        relevant = [{"title": found.title, "grade": 2}]
        lines.append(json.dumps({"id": name, "type": kind, "question": question, "relevant": relevant}))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path
