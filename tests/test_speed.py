from __future__ import annotations

import json
import sys
from pathlib import Path
from threading import Barrier

import pytest

from eval.speed import bench
from eval.speed.bench import ratios, to_json, to_text, warm_to_json
from eval.speed.clock import run_process, time_clients, time_each
from eval.speed.sides import installed_bytes, write_changed
from rag.errors import CitedeskError

OURS = {"cold_cpu": [1.0, 2.0, 3.0], "disk": [30.0]}
STOCK = {"cold_cpu": [4.0, 8.0, 9.0], "disk": [20.0]}


def test_process_is_measured_from_its_start_to_its_end() -> None:
    work = "import time; held = bytearray(40_000_000); time.sleep(0.05); sum(range(2_000_000)); print('done')"
    ended = run_process([sys.executable, "-c", work], {})
    assert ended.output == "done\n"
    assert ended.wall >= 0.05
    assert 0 < ended.cpu < 30
    assert ended.memory > 40


def test_process_that_fails_is_named_with_its_last_line() -> None:
    with pytest.raises(CitedeskError, match=r"`-c import sys.* …` failed \(no such index\)"):
        run_process([sys.executable, "-c", "import sys; sys.exit('no such index')"], {})


def test_each_question_is_timed_after_one_that_loads_the_rest(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "questions.jsonl"
    file.write_text('{"question": "one?"}\n{"question": "two?"}\n', encoding="utf-8")
    asked: list[str] = []
    time_each(file, asked.append)
    assert asked == ["one?", "one?", "two?"]
    assert [sorted(json.loads(line)) for line in capsys.readouterr().out.splitlines()] == [["cpu", "wall"]] * 2


def test_ratio_is_that_of_the_medians() -> None:
    assert ratios(OURS, STOCK) == {"cold_cpu": 0.25, "disk": 1.5}
    said = to_json(OURS, STOCK, 7)
    assert (said["papers"], said["ratio"]["disk"]) == (7, 1.5)
    assert said["stock"]["cold_cpu"]["mean"] == 8.0
    lines = to_text(OURS, STOCK, 7, 3).splitlines()
    assert lines[1].split()[-1] == "0.25" and lines[2].split()[-3:] == ["30.000", "20.000", "1.50"]


def test_one_paper_is_changed(tmp_path: Path) -> None:
    papers, changed, one = (tmp_path / name for name in ("papers", "changed", "one"))
    papers.write_text('{"paper_id": "a", "abstract": "Old."}\n{"paper_id": "b"}\n', encoding="utf-8")
    write_changed(papers, changed, one)
    assert one.read_text() == '{"paper_id": "a", "abstract": "Old. This sentence is new."}\n'
    assert changed.read_text() == one.read_text() + '{"paper_id": "b"}\n'


def test_installed_size_counts_what_a_package_needs_once() -> None:
    sizes = installed_bytes(("httpx", "HTTPX"))
    assert {"httpx", "httpcore", "certifi"} <= set(sizes)
    assert all(size > 0 for size in sizes.values())
    assert installed_bytes(("no-such-package",)) == {}


def test_what_is_compared_with_must_be_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(CitedeskError, match=r"not installed. Run `pip install 'citedesk\[bench\]'`"):
        bench._require_stock()


@pytest.mark.parametrize("text", ["", '{"id": 1}\n', "none\n"])
def test_file_without_questions_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "questions.jsonl"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(CitedeskError, match='no lines with a "question"'):
        bench.spread_questions(file, 3)


def test_clients_ask_at_once(tmp_path: Path) -> None:
    file = tmp_path / "questions.jsonl"
    file.write_text('{"question": "one?"}\n{"question": "two?"}\n', encoding="utf-8")
    both = Barrier(2)
    first = iter([True])

    def ask(question: str) -> None:
        if not next(first, False):
            both.wait(timeout=30)  # passes only where two ask at the same time

    assert set(time_clients(file, ask, 2)) == {"per_second", "wall"}


def test_warm_questions_are_told_by_stage_and_by_kind() -> None:
    asked = [
        {"kind": "list", "wall": 0.2, "stages_ms": {"read": 10.0, "score": 100.0}},
        {"kind": "list", "wall": 0.4, "stages_ms": {"read": 30.0}},
    ]
    told = warm_to_json(asked)
    assert told["stages_ms"] == {"read": 20.0, "score": 50.0}
    assert told["kinds_ms"] == {"list": {"median": 300.0, "n": 2}}
