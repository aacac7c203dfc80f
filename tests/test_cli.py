from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from rag.cli.main import main
from rag.corpus.records import paper_to_record
from tests.conftest import PROJECT
from tests.fakes import PAPERS, ROBOT_PAPER, SHELF, ScriptedEndpoint
from tests.indexes import index_corpus, write_corpus, write_lines

pytestmark = pytest.mark.usefixtures("easy_ranker")
QUESTION = "how does Pebble prune the KV cache?"


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    return write_corpus(tmp_path / "papers.jsonl", PAPERS)


@pytest.fixture
def indexed(corpus: Path) -> Path:
    index_corpus(corpus, corpus.parent / "home")
    return corpus


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = main(arguments)
    out, err = capsys.readouterr()
    return code, out, err


def test_index_prints_what_it_did_and_shows_progress_on_stderr(
    corpus: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = run(capsys, "index", str(corpus))
    assert (code, out.splitlines()) == (
        0,
        [
            "3 added, 0 replaced, 0 removed, 0 unchanged, 0 failed",
            "file          format      papers  no abstract  coerced",
            "papers.jsonl  JSON Lines       3            0  –",
        ],
    )
    assert "3/3" in err


def test_index_without_a_path_reads_again_what_the_index_was_built_from(
    indexed: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_lines(indexed, paper_to_record(ROBOT_PAPER), {"title": "New", "abstract": "Text."}, {"abstract": ""})
    code, out, err = run(capsys, "index", "--quiet", "--json")
    summary = json.loads(out)
    assert code == 0
    assert [summary[name] for name in ("added", "replaced", "removed", "unchanged")] == [1, 0, 2, 1]
    assert summary["failed"] == [{"source": str(indexed), "line": 3, "reason": "no title"}]
    assert err == f"failed: {indexed} line 3: no title\n"


def test_index_of_a_corpus_that_went_away_leaves_the_index(indexed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    indexed.unlink()
    code, _, err = run(capsys, "index")
    assert (code, err) == (1, f"error: {indexed} does not exist. Name a file or folder of papers.\n")
    assert run(capsys, "search", QUESTION)[0] == 0


def test_search_json_has_the_contracts_fields(indexed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, "search", QUESTION, "-k", "2", "--since", "2020", "--json")
    result = json.loads(out)
    assert (code, err) == (0, "")
    assert list(result) == [
        "query",
        "kind",
        "filters",
        "understood",
        "hits",
        "notice",
        "notices",
        "usage",
        "timings_ms",
    ]
    assert result["kind"] == "fact"
    assert result["understood"] == {
        "standalone": None,
        "papers": [],
        "text": QUESTION,
        "further": [],
        "order": None,
        "count": None,
        "subjects": [],
        "excluded": [],
        "follow_up": "none",
        "action": None,
        "unsure": [],
        "unapplied": [],
        "mended": None,
    }
    assert (result["query"], result["filters"], len(result["hits"])) == (QUESTION, {"since": 2020}, 2)
    assert 0.5 < result["hits"][0].pop("score") < 1
    assert result["hits"][0] == {
        "rank": 1,
        "paper_id": "2401.00001",
        "title": "Small Caches",
        "url": "https://arxiv.org/abs/2401.00001",
        "date": "2024-01-05",
    }


def test_filters_that_are_set_are_shown_as_they_were_given(indexed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    flags = ("--since", "2023", "--until", "2024-06", "--author", "Quill", "--authors", "2-", "--venue", "ICML")
    _, out, _ = run(capsys, "search", QUESTION, *flags, "--without-code", "--json")
    assert json.loads(out)["filters"] == {
        "since": 2023,
        "until": "2024-06",
        "author": "Quill",
        "author_count": {"least": 2},
        "venue": "ICML",
        "code": False,
    }
    assert json.loads(out)["hits"] == []


@pytest.mark.parametrize(
    ("flags", "papers"),
    [
        (("--since", "2024-01-05"), ["2401.00001"]),
        (("--since", "2024-01-06"), []),
        (("--until", "2023"), ["1804.00003", "2305.00002"]),
        (("--with-code",), []),
        (("--without-code", "--since", "2024"), ["2401.00001"]),
        (("--authors", "1-3"), []),
    ],
)
def test_flags_filter_what_is_found(
    indexed: Path, flags: tuple[str, ...], papers: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    _, out, _ = run(capsys, "search", QUESTION, *flags, "--fast", "--json")
    assert sorted(hit["paper_id"] for hit in json.loads(out)["hits"]) == papers


def test_search_prints_a_ranking(indexed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = run(capsys, "search", QUESTION, "-k", "1")
    assert out == "  1. Small Caches (2024-01-05)\n     https://arxiv.org/abs/2401.00001\n"


def test_ask_json_has_the_contracts_fields(indexed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "ask", QUESTION, "--json")
    answer = json.loads(out)
    assert code == 0
    assert list(answer) == [
        "question",
        "kind",
        "status",
        "filters",
        "understood",
        "answer",
        "point",
        "groups",
        "comparison",
        "citations",
        "sentences",
        "near_misses",
        "missed",
        "relaxations",
        "model",
        "reasoning",
        "notice",
        "notices",
        "usage",
        "timings_ms",
    ]
    assert (answer["kind"], answer["status"], answer["filters"]) == ("fact", "extractive", {})
    assert answer["understood"] == {
        "standalone": None,
        "papers": [],
        "text": QUESTION,
        "further": [],
        "order": None,
        "count": None,
        "subjects": [],
        "excluded": [],
        "follow_up": "none",
        "action": None,
        "unsure": [],
        "unapplied": [],
        "mended": None,
    }
    assert (answer["missed"], answer["relaxations"]) == (None, [])
    citation = answer["citations"][0]
    assert list(citation) == ["n", "paper_id", "title", "url", "date", "quotes", "why", "score"]
    for cited in answer["citations"]:
        (paper,) = [paper for paper in PAPERS if paper.paper_id == cited["paper_id"]]
        for quote in cited["quotes"]:
            assert paper.abstract[quote["start"] : quote["end"]] == quote["text"]


def test_ask_prints_the_finding_then_the_papers(indexed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = run(capsys, "ask", QUESTION, "--since", "2024")
    assert out.startswith("We present Pebble, which prunes the KV cache and cuts its memory by 2.57×. [1]\n\n")
    assert "\nUnderstood: papers dated 2024 or later (--drop since to lift).\n" in out
    assert re.search(r"\n\[1\] Small Caches \(2024, \w+\)\n(    .+\n)?    https://arxiv.org/abs/2401.00001\n$", out)
    assert out.count("We present Pebble") == 1


def test_ask_streams_a_written_answer(
    indexed: Path, endpoint: ScriptedEndpoint, capsys: pytest.CaptureFixture[str]
) -> None:
    endpoint.pieces = ("Pebble prunes the KV\x1b cache [1", "]. It cures the flu [1].")
    flags = ("--llm-base-url", endpoint.url, "--llm-model", "small-model", "--recall", "none")
    code, out, _ = run(capsys, "ask", QUESTION, *flags)
    assert code == 0
    assert out.startswith("Pebble prunes the KV cache [1]. It cures the flu [1].\n\n")
    assert "\nPapers\n[1] Small Caches (2024" in out


def test_ask_renders_the_markdown_of_a_written_answer_as_it_comes(
    indexed: Path, endpoint: ScriptedEndpoint, capsys: pytest.CaptureFixture[str]
) -> None:
    table = "| Paper | Memory |\n|---|---|\n| **Pebble** [1] | cut by 2.57× |\n"
    endpoint.pieces = ("## Prun", "ing\n", "**Pebble** prunes the KV cache [1].\n\n", table)
    flags = ("--llm-base-url", endpoint.url, "--llm-model", "small-model", "--recall", "none")
    _, out, _ = run(capsys, "ask", QUESTION, *flags)
    assert out.startswith(
        "Pruning\n-------\nPebble prunes the KV cache [1].\n\n"
        "Paper       Memory\n----------  ------------\nPebble [1]  cut by 2.57×\n"
    )


def test_ask_json_shows_the_sentences_and_what_each_step_cost(
    indexed: Path, endpoint: ScriptedEndpoint, capsys: pytest.CaptureFixture[str]
) -> None:
    endpoint.pieces = ("Pebble prunes the KV cache [1]. ", "Tea is hot.")
    flags = ("--llm-base-url", endpoint.url, "--llm-model", "small-model", "--recall", "none")
    _, out, _ = run(capsys, "ask", QUESTION, *flags, "--json")
    answer = json.loads(out)
    assert (answer["status"], answer["model"]) == ("answered", "small-model")
    assert answer["answer"] == "Pebble prunes the KV cache [1]. Tea is hot."
    assert [(each["start"], each["end"], each["citations"], each["origin"]) for each in answer["sentences"]] == [
        (0, 31, [1], "written"),
        (32, 43, [], "written"),
    ]
    assert answer["sentences"][1]["verdict"] == "uncited"
    assert answer["usage"]["steps"]["write"].keys() == {"calls", "prompt_tokens", "completion_tokens", "seconds"}
    assert [answer["usage"][name] for name in ("calls", "prompt_tokens", "completion_tokens")] == [1, 70, 7]


def test_ask_shows_what_was_struck(
    indexed: Path,
    endpoint: ScriptedEndpoint,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CITEDESK_UNSUPPORTED", "strike")
    endpoint.pieces = ("Jets reach Venus in 99 days [1].",)
    flags = ("--llm-base-url", endpoint.url, "--llm-model", "small-model", "--recall", "none")
    _, out, _ = run(capsys, "ask", QUESTION, *flags)
    assert out.startswith("~~Jets reach Venus in 99 days [1].~~\n")


def test_ask_with_a_failing_endpoint_says_so_and_answers(
    indexed: Path, endpoint: ScriptedEndpoint, capsys: pytest.CaptureFixture[str]
) -> None:
    endpoint.pieces, endpoint.cut_after = ("Half", " an answer"), 1
    flags = ("--llm-base-url", endpoint.url, "--llm-model", "small-model", "--recall", "none")
    code, out, _ = run(capsys, "ask", QUESTION, *flags)
    assert code == 0
    assert out.startswith("We present Pebble")
    assert "Note: The endpoint" in out


def test_question_with_half_a_character_does_not_stop_the_rest(
    indexed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    questions = tmp_path / "q.jsonl"
    questions.write_text(
        '\ufeff{"id": 1, "question": "caches \\ud83d"}\n{"id": [], "question": "x"}\n{"id": 3, "question": "dunes"}'
    )
    code, out, err = run(capsys, "search", "--questions", str(questions))
    assert (code, [json.loads(line)["id"] for line in out.splitlines()]) == (1, [1, 3])
    assert err == f'error: {questions} line 2: needs an "id" (a string or number) and a "question" (a string)\n'


def test_search_deeper_than_the_pool_shows_as_many_as_asked(
    indexed: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CITEDESK_POOL", "1")
    _, out, _ = run(capsys, "search", QUESTION, "-k", "3", "--json")
    assert len(json.loads(out)["hits"]) == 3


def test_year_of_saving_is_remembered(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = tmp_path / "page.txt"
    page.write_text(f"A Title\n\n{'We study things at length. ' * 10}\n\n  • 3 authors\n·\nJun 16\n", encoding="utf-8")
    assert main(["index", "--quiet", "--saved-year", "2021", str(page)]) == 0
    assert "0 added, 0 replaced, 0 removed, 1 unchanged, 0 failed\n" in run(capsys, "index", "--quiet")[1]
    assert json.loads(run(capsys, "export")[1])["date"] == "2021-06-16"


def test_named_corpus_beats_the_one_that_was_indexed(
    indexed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    other = write_lines(tmp_path / "other.jsonl", {"title": "New", "abstract": "Text."})
    monkeypatch.setenv("CITEDESK_CORPUS", str(other))
    assert run(capsys, "index", "--quiet")[1].startswith("1 added, 0 replaced, 3 removed, 0 unchanged, 0 failed\n")


@pytest.mark.parametrize("command", ["search", "ask"])
def test_questions_file_gives_a_line_each_and_reports_bad_lines(
    indexed: Path, tmp_path: Path, command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    questions = tmp_path / "q.jsonl"
    long = json.dumps({"id": 5, "question": "KV " * 1334})
    lines = ('{"id": "a", "question": "dunes"}', "{broken", "", '{"id": 2}', '{"id": 3, "question": " "}', long)
    questions.write_text("\n".join([*lines, '{"id": 4, "question": "KV"}']))
    code, out, err = run(capsys, command, "--questions", str(questions))
    assert code == 1
    assert [json.loads(line)["id"] for line in out.splitlines()] == ["a", 4]
    assert [line.split(": ")[1] for line in err.splitlines()] == [f"{questions} line {n}" for n in (2, 4, 5, 6)]
    assert err.endswith("The question has 4,002 characters, and at most 4,000 are read. Shorten it.\n")


def test_questions_come_from_stdin_too(
    indexed: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO('{"id": 1, "question": "dunes"}\n'))
    code, out, _ = run(capsys, "ask", "--questions", "-")
    assert (code, json.loads(out)["id"]) == (0, 1)


def test_export_is_read_back_as_it_was(indexed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = run(capsys, "export")
    exported = tmp_path / "exported.jsonl"
    exported.write_text(out, encoding="utf-8")
    _, out, _ = run(capsys, "index", "--quiet", str(exported))
    assert out.startswith("0 added, 0 replaced, 0 removed, 3 unchanged, 0 failed\n")


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["ask", "x"], 1, "error: No index in "),
        (["ask", "  "], 2, "error: The question is empty."),
        (["ask", "KV " * 1334], 2, "error: The question has 4,002 characters, and at most 4,000 are read. Shorten it."),
        (
            ["ask", "which", "papers"],
            2,
            "error: unrecognized arguments: papers (a question of several words stands in quotes).",
        ),
        (["ask"], 2, "error: Give one question"),
        (["ask", "x", "--questions", "f"], 2, "error: Give one question"),
        (["ask", "--questions", "none.jsonl"], 1, "error: No index in "),
        (["ask", "x", "--since", "2025", "--until", "2020"], 2, "error: --since 2025 is after --until 2020"),
        (["ask", "x", "--since", "soon"], 2, "error: argument --since: not a date"),
        (["ask", "x", "--since", "2024-02-30"], 2, "error: argument --since: no such day"),
        (["ask", "x", "--since", "2024-03", "--until", "2024-02-28"], 2, "error: --since 2024-03 is after --until"),
        (["ask", "x", "--authors", "5-2"], 2, "error: argument --authors: 5 is more than 2"),
        (["ask", "x", "--authors", "few"], 2, "error: argument --authors: not a count"),
        (["ask", "x", "--author", "?"], 2, "error: argument --author: not a name"),
        (["ask", "x", "--kind", "essay"], 2, "error: argument --kind: invalid choice"),
        (["ask", "x", "--drop", "colour"], 2, "error: argument --drop: invalid choice"),
        (["search", "x", "-k", "0"], 2, "error: "),
        (["nonsense"], 2, "error: "),
        (["index", "no-such-file.jsonl"], 1, "error: "),
        (["doctor", "--embed-model"], 2, "error: "),
    ],
)
def test_bad_input_is_one_clear_line(
    arguments: list[str], code: int, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    found, out, err = run(capsys, *arguments)
    assert (found, out) == (code, "")
    assert err.startswith(message)
    assert err.count("\n") == 1


def test_index_of_another_model_names_both(indexed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = run(capsys, "ask", "x", "--embed-model", "someone/model")
    assert code == 1
    assert "built with the model citedesk-encoder, but CITEDESK_EMBED_MODEL names someone/model" in err


def test_unexpected_error_is_one_line_without_a_traceback(
    indexed: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rag.engine.build", lambda settings, use_llm: 1 / 0)
    code, _, err = run(capsys, "ask", "x")
    assert (code, err) == (
        1,
        "error: ZeroDivisionError: division by zero. Run it again with --debug and report this.\n",
    )
    with pytest.raises(ZeroDivisionError):
        main(["ask", "x", "--debug"])


def test_reader_that_goes_away_is_no_error(indexed: Path) -> None:
    command = f"unset PYTHONUNBUFFERED; {sys.executable} -m rag export | head -c 10"
    result = subprocess.run(
        command, shell=True, cwd=PROJECT, env={**os.environ}, capture_output=True, text=True, timeout=60
    )
    assert (result.stdout, result.stderr) == ('{"paper_id', "")


def test_dotenv_in_the_folder_is_in_force(indexed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / ".env").write_text("CITEDESK_POOL=1\n")
    _, out, _ = run(capsys, "search", QUESTION, "-k", "1", "--json")
    assert len(json.loads(out)["hits"]) == 1
    (tmp_path / ".env").write_text("CITEDESK_RRF_K=60\n")
    code, _, err = run(capsys, "search", QUESTION)
    assert code == 2
    assert err.startswith("error: CITEDESK_RRF_K (")


@pytest.fixture
def shelf(tmp_path: Path) -> None:
    index_corpus(write_corpus(tmp_path / "shelf.jsonl", SHELF), tmp_path / "home")


def ask(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    code, out, err = run(capsys, "ask", *arguments, "--json")
    assert (code, err) == (0, "")
    return dict(json.loads(out))


def found(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[str]:
    _, out, _ = run(capsys, "search", *arguments, "--fast", "--json")
    return sorted(hit["paper_id"] for hit in json.loads(out)["hits"])


@pytest.mark.usefixtures("shelf")
def test_flags_for_authors_venue_and_code_filter_what_is_found(capsys: pytest.CaptureFixture[str]) -> None:
    for flags, papers in (
        (("--author", "Quill", "--since", "2020"), ["2401.00001"]),
        (("--authors", "2-4"), ["1804.00003", "2401.00001"]),
        (("--venue", "ICML", "--with-code"), ["2401.00001"]),
        (("--without-code",), ["1804.00003", "2305.00002", "2406.00004"]),
    ):
        assert found(capsys, "caches and robots", *flags) == papers, flags


@pytest.mark.usefixtures("shelf")
def test_zero_matches_say_what_dropping_each_constraint_would_leave(capsys: pytest.CaptureFixture[str]) -> None:
    question = "papers by Ada Quill on caches since 2025"
    answer = ask(capsys, question)
    assert (answer["kind"], answer["status"], answer["citations"]) == ("list", "refused", [])
    assert answer["filters"] == {"since": 2025, "author": "Ada Quill"}
    assert answer["understood"] == {
        "standalone": None,
        "papers": [],
        "text": "caches",
        "further": [],
        "order": None,
        "count": None,
        "subjects": [],
        "excluded": [],
        "follow_up": "none",
        "action": None,
        "unsure": [],
        "unapplied": [],
        "mended": None,
    }
    assert answer["relaxations"] == [{"drop": "since", "papers": 2}, {"drop": "author", "papers": 0}]
    code, out, _ = run(capsys, "ask", question)
    assert code == 0
    assert out.startswith(
        "The collection does not answer this.\n\nNote: No paper in the collection is dated 2025 or later"
    )

    dropped = ask(capsys, question, "--drop", "since")
    assert (dropped["status"], dropped["filters"]) == ("extractive", {"author": "Ada Quill"})
    assert [cited["paper_id"] for cited in dropped["citations"]] == ["2401.00001"]
    assert dropped["missed"] == {"least": 0, "most": 0}

    literal = ask(capsys, question, "--as-is")
    assert (literal["kind"], literal["filters"], literal["understood"]["text"]) == ("fact", {}, question)


@pytest.mark.usefixtures("shelf")
def test_kind_that_is_named_is_answered(capsys: pytest.CaptureFixture[str]) -> None:
    answer = ask(capsys, QUESTION, "--kind", "list")
    assert answer["kind"] == "list"
    assert answer["point"].startswith(f"{len(answer['citations'])} paper")
    assert len(ask(capsys, QUESTION, "--kind", "lookup")["citations"]) == 1


@pytest.mark.usefixtures("shelf")
def test_fast_loads_no_cross_encoder(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rag.models.loading.load_reranker", lambda **_: 1 / 0)
    answer = ask(capsys, QUESTION, "--fast")
    assert answer["citations"][0]["paper_id"] == "2401.00001"
    assert found(capsys, QUESTION)[0] == "1804.00003"
    assert "ZeroDivisionError" in run(capsys, "ask", QUESTION)[2]


@pytest.mark.usefixtures("shelf")
def test_what_was_understood_is_told_on_stderr_beside_a_ranking(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, "search", "papers on caches since 2024")
    assert code == 0
    assert err == "Understood: papers dated 2024 or later (--drop since to lift).\n"
    assert sorted(line.split(". ")[1] for line in out.splitlines() if ". " in line) == [
        "Pebble: Small Caches (2024-01-05)",
        "Reef: Caches on Disk (2024-06)",
    ]


def test_dry_run_shows_what_is_read_and_builds_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_lines(tmp_path / "p.jsonl", {"title": "Bare", "mood": 1}, {"title": "Full", "abstract": "It is."})
    (tmp_path / "notes.txt").write_text("Remember the milk.")
    code, out, _ = run(capsys, "index", "--dry-run", "--home", str(tmp_path / "none"), str(tmp_path))
    assert code == 0
    assert out.startswith("paper_id: bare\ntitle: Bare\nabstract: \n")
    assert "p.jsonl  JSON Lines       2            1  –\nfields not used: mood\nnot read: " in out
    assert out.endswith("2 papers; nothing was built\n")
    assert not (tmp_path / "none" / "index").exists()
    found = json.loads(run(capsys, "index", "--dry-run", "--json", "--abstracts-only", str(path))[1])
    assert [paper["title"] for paper in found["first"]] == ["Full"]
    assert found["files"][0]["without_abstract"] == 1


def test_explain_says_which_records_are_one_paper(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    record = {"title": "On Small Trees", "abstract": "Text.", "authors": ["Ann Lee"]}
    path = write_lines(tmp_path / "p.jsonl", record, {**record, "doi": "10.1000/a", "key": "lee"})
    for wanted in ("10.1000/A", "on-small-trees"):
        code, out, _ = run(capsys, "index", "--explain", wanted, str(path))
        assert (code, out) == (
            0,
            f"on-small-trees\n{path} line 2 was merged into {path} line 1: the same title and authors\n",
        )
    assert main(["index", "--explain", "nothing", str(path)]) == 2
    assert "No paper has the id, DOI, PMID or key nothing" in capsys.readouterr().err


def test_papers_without_an_abstract_are_found_and_can_be_left_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_lines(tmp_path / "p.jsonl", {"title": "Bare Trees in Winter"}, {"title": "Full", "abstract": "It is."})
    assert run(capsys, "index", "--quiet", str(path))[0] == 0
    code, out, _ = run(capsys, "ask", "Bare Trees in Winter")
    assert code == 0
    assert "Bare Trees in Winter" in out
    assert run(capsys, "index", "--quiet", "--abstracts-only", str(path))[1].startswith(
        "0 added, 0 replaced, 1 removed"
    )
    assert run(capsys, "index", "--quiet")[1].startswith("0 added, 0 replaced, 0 removed, 1 unchanged")
    assert run(capsys, "index", "--quiet", str(path))[1].startswith("1 added")


def test_export_takes_ids_filters_and_an_answer(
    indexed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, out, _ = run(capsys, "export", "--format", "ris", "--until", "2023")
    assert sorted(re.findall(r"(?m)^TI  - (.*)$", out)) == ["Qubits for Everyone", "Walking Robots on Sand"]
    _, out, _ = run(capsys, "export", "--format", "csl", "https://arxiv.org/abs/2305.00002")
    (item,) = json.loads(out)
    _, again, _ = run(capsys, "export", "--format", "csl", item["id"])
    assert again == out
    answer = tmp_path / "answer.json"
    answer.write_text(json.dumps({"citations": [{"paper_id": "1804.00003"}]}), encoding="utf-8")
    _, out, _ = run(capsys, "export", "--format", "bibtex", "--answer", str(answer))
    assert out.count("@misc{") == 1 and "{{Qubits for Everyone}}" in out


def test_export_of_an_unknown_paper_or_a_broken_answer_says_what_to_do(
    indexed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, _, error = run(capsys, "export", "nothing")
    assert (code, error) == (2, "error: No indexed paper has the id 'nothing': `citedesk search` prints paper_ids.\n")
    broken = tmp_path / "answer.json"
    broken.write_text("{", encoding="utf-8")
    code, _, error = run(capsys, "export", "--answer", str(broken))
    assert (code, error.count("\n")) == (2, 1) and "is not JSON as `citedesk ask --json` prints it." in error
