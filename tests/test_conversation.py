"""Follow-ups from end to end: through the engine, and from the command line."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest

from rag.answer import Answer, Done, Notice
from rag.cli.main import main
from rag.engine import Engine
from rag.errors import LLMFailed
from rag.index.library import Library
from rag.render.notices import notices_text
from rag.types import Filters, Overrides, Turn
from tests.fakes import (
    DUNE,
    EASY_RANKER,
    PEBBLE,
    QUBITS,
    REEF,
    SHELF,
    ScriptedChat,
    hash_settings,
    ids,
    reading_models,
    word_writer,
)
from tests.indexes import index_corpus, write_corpus

LIST = Turn(
    "which papers keep the KV cache small?",
    "- Pebble prunes it. [1]\n- Reef keeps it on disk. [2]\n- Qubits. [3]",
    (PEBBLE.paper_id, REEF.paper_id, QUBITS.paper_id),
)


@pytest.fixture
def engine(shelf: Library) -> Engine:
    return make(shelf)


def make(library: Library, chat: ScriptedChat | None = None) -> Engine:
    settings = hash_settings(Path("home"))
    writer = word_writer(settings, chat) if chat else None
    return Engine(settings, library, reading_models(), (), EASY_RANKER, lambda: date(2026, 1, 2), writer)


def asked(engine: Engine, question: str, *history: Turn, overrides: Overrides = Overrides()) -> Answer:
    *_, done = engine.ask(question, overrides, use_llm=False, history=history)
    assert isinstance(done, Done)
    return done.answer


def test_follow_up_keeps_what_was_typed_beside_what_it_comes_to(engine: Engine) -> None:
    query = engine.search("and on phones?", history=[LIST]).query
    assert query.question == "and on phones?"
    assert query.standalone == query.asked == "which papers keep the KV cache small, and on phones?"
    assert (query.filters, query.papers) == (Filters(), ())


def test_question_that_stands_alone_has_no_standalone_form(engine: Engine) -> None:
    with_history = engine.search("which robots walk on sand?", history=[LIST])
    without = engine.search("which robots walk on sand?")
    assert with_history.query == without.query
    assert with_history.query.standalone is None
    assert ids(with_history.hits) == ids(without.hits)


def test_choice_among_the_papers_cited_finds_no_other(engine: Engine) -> None:
    found = engine.search("which of those walk on sand?", history=[LIST])
    assert sorted(ids(found.hits)) == sorted(LIST.citations)
    assert [hit.rank for hit in found.hits] == [1, 2, 3]


def test_restriction_holds_where_the_records_answer_alone(engine: Engine) -> None:
    answer = asked(engine, "which of those is the newest?", LIST)
    assert answer.query.kind == "metadata"
    assert ids(answer.citations) == [REEF.paper_id]


def test_filter_that_none_of_the_papers_spoken_of_meets_is_said(engine: Engine) -> None:
    overrides = Overrides(filters=Filters("2023", "2023"))
    answer = asked(engine, "which of those is the newest?", LIST, overrides=overrides)
    assert (answer.status, answer.citations) == ("refused", ())
    assert str(notices_text(answer.notices)).startswith("None of the papers cited before is dated 2023.")


def test_action_is_executed_on_the_papers_of_the_answer(engine: Engine) -> None:
    assert ids(asked(engine, "compare 1 and 3", LIST).citations) == [PEBBLE.paper_id, QUBITS.paper_id]
    assert ids(asked(engine, "newest first", LIST).citations) == [REEF.paper_id, PEBBLE.paper_id, QUBITS.paper_id]
    assert ids(asked(engine, "drop number 2", LIST).citations) == [PEBBLE.paper_id, QUBITS.paper_id]
    assert ids(asked(engine, "summarise these", LIST).citations) == list(LIST.citations)
    counted = asked(engine, "how many of them are from 2024", LIST)
    assert (ids(counted.citations), counted.text.splitlines()[0][:8]) == ([PEBBLE.paper_id, REEF.paper_id], "2 papers")


def test_papers_are_shown_in_the_form_that_is_asked_for(engine: Engine) -> None:
    table = asked(engine, "make it a table", LIST).text.splitlines()
    assert table[0] == "|  | Title | Date | Authors | Venue | Code |"
    assert table[2] == "| [1] | Pebble: Small Caches | 2024-01-05 | Ada Quill, Bo Tanaka | ICML 2024 | yes |"
    assert asked(engine, "only the titles", LIST).text.startswith("- Pebble: Small Caches [1]\n- Reef")
    assert asked(engine, "bibtex please", LIST).text.startswith("```bibtex\n@inproceedings{quill2024pebble-")
    assert asked(engine, "as ris for zotero", LIST).text.startswith(
        "```ris\nTY  - CPAPER\nTI  - Pebble: Small Caches\n"
    )
    assert asked(engine, "export as csv", LIST).text.startswith("```csv\nn,title,date,authors")


def test_more_papers_are_others_and_said_to_be_unlikely(engine: Engine) -> None:
    answer = asked(engine, "show more", LIST)
    assert ids(answer.citations) == [DUNE.paper_id]
    assert [notice.code for notice in answer.notices] == ["next_papers"]


def test_excluded_topic_leaves_its_papers_out_and_says_which(engine: Engine) -> None:
    answer = asked(engine, "leave out the ones about quantum circuits", LIST)
    assert ids(answer.citations) == [PEBBLE.paper_id, REEF.paper_id]
    said = str(notices_text(answer.notices))
    sure = "(by their titles or with a probability of 0.5 or more)"
    assert said.startswith(f"Left out as “quantum circuits” {sure}: 1 paper (Qubits for Everyone).")


def test_excluded_topic_of_a_first_question_is_applied(engine: Engine) -> None:
    with_it = ids(asked(engine, "which papers are about caches or quantum circuits?").citations)
    answer = asked(engine, "which papers are about caches or quantum circuits, except quantum circuits?")
    assert answer.query.excluded == ("quantum circuits",)
    assert QUBITS.paper_id in with_it and QUBITS.paper_id not in ids(answer.citations)


def test_comparison_brings_in_a_paper_by_its_title(engine: Engine) -> None:
    one = Turn("how much memory does Pebble save?", "It cuts it. [1]", (PEBBLE.paper_id,))
    answer = asked(engine, "how does it compare to Dune", one)
    assert ids(answer.citations) == [PEBBLE.paper_id, DUNE.paper_id]


def test_nothing_to_undo_is_said(engine: Engine) -> None:
    answer = asked(engine, "undo", LIST)
    assert notices_text(answer.notices) == "There is nothing to undo in this conversation."


def test_undone_action_shows_the_papers_from_before(engine: Engine) -> None:
    fewer = Turn("drop number 2", "- Pebble. [1]\n- Qubits. [2]", (PEBBLE.paper_id, QUBITS.paper_id))
    assert ids(asked(engine, "undo", LIST, fewer).citations) == list(LIST.citations)


def test_topic_selects_the_papers_of_which_the_records_are_asked(engine: Engine) -> None:
    answer = asked(engine, "how many papers on the KV cache have code?")
    assert (answer.query.kind, answer.query.by_topic, ids(answer.citations)) == ("metadata", True, [PEBBLE.paper_id])
    wrote = asked(engine, "who wrote the paper on walking robots?")
    assert (wrote.query.kind, ids(wrote.citations)) == ("metadata", [DUNE.paper_id])
    assert "Cem Osei" in wrote.text


def test_papers_of_a_value_are_listed_after_all_values_were_counted(engine: Engine) -> None:
    counted = Turn("how many papers per year?", "4 papers, by year: 2018 (1), 2023 (1), 2024 (2).", ())
    answer = asked(engine, "only those from 2023", counted)
    assert (answer.query.kind, answer.query.tally, ids(answer.citations)) == ("metadata", None, [DUNE.paper_id])


def test_arxiv_id_is_looked_up_and_an_unknown_one_is_refused(engine: Engine) -> None:
    assert ids(asked(engine, REEF.paper_id).citations) == [REEF.paper_id]
    unknown = asked(engine, "arXiv:1909.99999")
    assert (unknown.status, unknown.citations) == ("refused", ())
    assert str(notices_text(unknown.notices)).startswith("Not applied: “1909.99999”, because it matches nothing")


def test_request_for_more_tells_all_of_one_paper(engine: Engine) -> None:
    answer = asked(engine, "tell me more about the second", LIST)
    assert (answer.query.kind, answer.query.papers) == ("lookup", (REEF.paper_id,))
    assert ids(answer.citations) == [REEF.paper_id]
    assert [quote.text for quote in answer.citations[0].quotes] == [
        "Reef keeps the KV cache on disk.",
        "It halves the memory of long prompts.",
        "Loading takes 12 ms.",
    ]


def test_request_for_more_of_two_papers_tells_of_both(engine: Engine) -> None:
    assert sorted(ids(asked(engine, "tell me more about the first two", LIST).citations)) == sorted(LIST.citations[:2])


def test_what_the_user_sets_stands_against_a_follow_up(engine: Engine) -> None:
    answer = asked(engine, "tell me more about the second", LIST, overrides=Overrides(kind="list"))
    assert answer.query.kind == "list"
    as_is = asked(engine, "and in 2024?", LIST, overrides=Overrides(as_is=True))
    assert (as_is.query.standalone, as_is.query.text) == (None, "and in 2024?")


def test_conversations_side_by_side_are_as_each_alone(engine: Engine) -> None:
    robots = Turn("which robots walk on sand?", "- Dune. [1]\n- Qubits. [2]", ("2305.00002", QUBITS.paper_id))
    alone = [engine.search("which of those are old?", history=[turn]).query for turn in (LIST, robots)]
    mixed = [engine.search("which of those are old?", history=[turn]).query for turn in (robots, LIST, robots, LIST)]
    assert mixed == [alone[1], alone[0]] * 2
    assert engine.search("which of those are old?").query.papers == ()


def test_model_makes_a_follow_up_stand_alone(shelf: Library) -> None:
    chat = ScriptedChat(("Which papers keep the KV cache small on phones?", "Pebble does [1]."))
    *_, done = make(shelf, chat).ask("and on phones?", history=[LIST])
    assert isinstance(done, Done)
    assert done.answer.query.standalone == "Which papers keep the KV cache small on phones?"
    assert {name: spent.calls for name, spent in done.answer.usage.steps.items()} == {"condense": 1, "write": 1}
    assert chat.closed.is_set()


def test_model_says_which_papers_of_the_answer_are_about_something(shelf: Library) -> None:
    chat = ScriptedChat(["Pebble needs none [1].", LLMFailed("It failed.")])
    engine = make(shelf, chat)
    for status in ("answered", "refused"):
        *_, done = engine.ask("which of those are about Mars?", history=[LIST])
        assert isinstance(done, Done)
        assert done.answer.query.action and done.answer.query.action.name == "filter"
        assert done.answer.status == status
    user = chat.asked[0][-1].content
    assert (
        all(name in user for name in ("Pebble", "Reef", "Qubits")) and "which papers keep the KV cache small?" in user
    )
    assert "If the question asks for another form" in user
    assert "Of the 3 papers cited before, none probably belongs." in str(notices_text(done.answer.notices))


def test_follow_up_stands_alone_where_no_model_is_wanted(shelf: Library) -> None:
    chat = ScriptedChat(())
    assert asked(make(shelf, chat), "and on phones?", LIST).query.standalone == (
        "which papers keep the KV cache small, and on phones?"
    )
    assert chat.asked == []


@pytest.fixture
def indexed(tmp_path: Path, easy_ranker: None) -> Path:
    index_corpus(write_corpus(tmp_path / "papers.jsonl", SHELF), tmp_path / "home")
    return tmp_path


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = main(arguments)
    out, err = capsys.readouterr()
    return code, out, err


def test_answers_in_json_are_a_history(indexed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _, first, _ = run(capsys, "ask", LIST.question, "--json")
    history = indexed / "history.jsonl"
    history.write_text(first, encoding="utf-8")
    cited = [citation["paper_id"] for citation in json.loads(first)["citations"]]
    code, out, _ = run(capsys, "ask", "tell me more about the first", "--history", str(history), "--json")
    answer = json.loads(out)
    assert (code, answer["question"], answer["kind"]) == (0, "tell me more about the first", "lookup")
    assert answer["understood"]["standalone"].endswith(": tell me more about the first")
    assert answer["understood"]["papers"] == [cited[0]]
    history.write_text(first + out, encoding="utf-8")
    _, out, _ = run(capsys, "search", "and in 2018?", "--history", str(history), "--json")
    assert json.loads(out)["query"] == "and in 2018?"


def test_person_is_told_what_a_follow_up_was_taken_for(indexed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    history = indexed / "history.json"
    history.write_text(json.dumps([{"question": LIST.question, "citations": LIST.citations}]), encoding="utf-8")
    _, out, _ = run(capsys, "ask", "only in 2024", "--history", str(history))
    said = " ".join(out.split())
    assert "Understood as: keep those dated 2024 of the 3 papers before (--drop since, --drop until to lift)" in said
    code, _, err = run(capsys, "search", "how much memory do these save?", "--history", str(history))
    assert (code, err) == (0, "Understood as: how much memory do these save? (among 3 papers)\n")


def test_lines_of_questions_bring_their_history(indexed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = [
        {"id": 1, "question": "and in 2024?", "history": [{"question": LIST.question, "answer": "Pebble."}]},
        {"id": 2, "question": "and in 2024?", "history": "none"},
        {"id": 3, "question": "and in 2018?", "history": [{"question": "papers on quantum circuits"}]},
        {"id": 4, "question": "which robots walk?"},
    ]
    path = indexed / "questions.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    code, out, err = run(capsys, "search", "--questions", str(path))
    results = [json.loads(line) for line in out.splitlines()]
    assert code == 1
    assert [(each["id"], each["understood"]["standalone"]) for each in results] == [
        (1, "which papers keep the KV cache small, and in 2024?"),
        (3, "papers on quantum circuits, and in 2018?"),
        (4, None),
    ]
    assert err.startswith(f'error: {path} line 2: "history" is not a list of earlier turns')


def test_bad_history_is_wrong_usage_told_in_one_line(indexed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    history = indexed / "history.jsonl"
    history.write_text('{"question": "q"}\n{"answer": "a"}\n', encoding="utf-8")
    code, out, err = run(capsys, "ask", "and in 2024?", "--history", str(history))
    assert (code, out) == (2, "")
    assert err.startswith(f'error: --history {history} line 2: "question" is missing')
    assert err.endswith("Correct or remove the line.\n")
    code, _, err = run(capsys, "ask", "and in 2024?", "--history", str(indexed / "missing"))
    assert (code, err) == (2, f"error: --history {indexed / 'missing'} cannot be read: No such file or directory.\n")
    code, _, err = run(capsys, "ask", "--questions", str(history), "--history", str(history))
    assert (code, err.startswith("error: --history goes with one question")) == (2, True)


def test_other_papers_of_the_authors_are_looked_up_or_said_not_to_be_there(engine: Engine) -> None:
    answer = asked(engine, "what else did they write?", LIST)
    assert answer.query.action and answer.query.action.name == "same-author"
    assert answer.status == "refused" and "No other paper here" in str(notices_text(answer.notices))


def test_count_says_of_how_many_papers(engine: Engine) -> None:
    answer = asked(engine, "how many have code?", LIST)
    assert (
        answer.point == f"{len(answer.citations)} paper{'s' * (len(answer.citations) != 1)} with code, of the 3 before."
    )


def test_nothing_is_left_where_all_is_dropped(engine: Engine) -> None:
    answer = asked(engine, "drop 1", Turn(LIST.question, "- Pebble prunes it. [1]", (PEBBLE.paper_id,)))
    assert answer.text == "There is none." and "is left" in str(notices_text(answer.notices))


def test_mended_follow_up_is_said_to_be_read_and_not_searched_for() -> None:
    notice = Notice("mended", {"text": "newest first", "searched": False})
    assert str(notices_text([notice])).startswith("Read as “newest first”.")


def test_table_of_no_papers_is_said_to_be_none(engine: Engine) -> None:
    answer = asked(engine, "make it a table", Turn("which papers fold proteins?", "None.", ()))
    assert (answer.status, answer.text) == ("refused", "There is none.")
    assert notices_text(answer.notices) == "The answer before has no papers."
