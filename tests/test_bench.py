from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from eval.benchmarks.beir import Skipped, TestSet, read_test_set
from eval.benchmarks.bench import bench_to_json, bench_to_text
from eval.benchmarks.index import BM25, open_indexed, scratch_settings
from eval.benchmarks.systems import SystemScore, per_query, published, run_bench
from eval.stats import Interval
from rag.cli.main import main
from rag.errors import CorpusError
from rag.index.library import Library
from rag.models.loading import Models
from rag.settings import Settings
from tests.fakes import PAPERS, HashEncoder, hash_models

pytestmark = pytest.mark.usefixtures("easy_ranker")

SETTINGS = Settings(embed_model="hash")


def lines(*records: dict[str, Any]) -> str:
    return "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three papers and two queries, each with one right paper."""
    made = tmp_path / "tiny"
    made.mkdir()
    papers = [{"id": each.paper_id, "title": each.title, "text": each.abstract} for each in PAPERS]
    (made / "corpus.jsonl").write_text(lines(*papers))
    (made / "queries.jsonl").write_text(
        lines({"id": "q1", "text": "prune the KV cache"}, {"id": "q2", "text": "robots walk on dunes"})
    )
    (made / "qrels.tsv").write_text("query-id\tcorpus-id\tscore\nq1\t2401.00001\t1\nq2\t2305.00002\t2\n")
    return made


def indexed(settings: Settings, test_set: TestSet, encoder: HashEncoder, bm25: BM25 = BM25()) -> Library:
    return open_indexed(settings, test_set, bm25, lambda: Models(encoder), lambda: None)


def scored(folder: Path) -> tuple[TestSet, Library, tuple[SystemScore, ...]]:
    test_set = read_test_set(folder)
    settings = scratch_settings(SETTINGS, folder.parent / "cache", test_set.name)
    library = indexed(settings, test_set, HashEncoder())
    rows = run_bench(test_set, settings, library, hash_models())
    library.vectors.close()
    return test_set, library, rows


def test_folder_is_read_as_papers_queries_and_grades(folder: Path) -> None:
    test_set = read_test_set(folder)
    assert [paper.paper_id for paper in test_set.papers] == ["2401.00001", "2305.00002", "1804.00003"]
    assert test_set.papers[0].abstract == PAPERS[0].abstract
    assert test_set.queries == {"q1": "prune the KV cache", "q2": "robots walk on dunes"}
    assert test_set.qrels == {"q1": {"2401.00001": 1}, "q2": {"2305.00002": 2}}
    assert test_set.skipped == Skipped(0, 0, 0)


def test_original_beir_spelling_is_read_too(folder: Path) -> None:
    (folder / "corpus.jsonl").write_text(lines({"_id": "a", "title": "A", "text": "b", "metadata": {}}))
    (folder / "qrels").mkdir()
    (folder / "qrels" / "dev.tsv").write_text("query-id\tcorpus-id\tscore\nq2\ta\t1\n")
    test_set = read_test_set(folder, "dev")
    assert (test_set.split, test_set.qrels) == ("dev", {"q2": {"a": 1}})
    assert list(test_set.queries) == ["q2"]


def test_line_separator_inside_a_text_ends_no_line(folder: Path) -> None:
    (folder / "corpus.jsonl").write_text(lines({"id": "2401.00001", "title": "T", "text": "one\u2028two\x85three"}))
    assert read_test_set(folder).papers[0].abstract == "one\u2028two\x85three"


def test_documents_without_title_or_text_are_kept_and_empty_ones_counted(folder: Path) -> None:
    (folder / "corpus.jsonl").write_text(
        lines(
            {"id": "2401.00001", "text": "only text"},
            {"id": "b", "title": "only title", "text": ""},
            {"id": "c", "text": " "},
        )
    )
    test_set = read_test_set(folder)
    assert [(paper.title, paper.abstract) for paper in test_set.papers] == [("—", "only text"), ("only title", "—")]
    assert test_set.skipped == Skipped(unknown_documents=1, empty_documents=1)


def test_judgements_of_unknown_ids_are_counted_and_left_out(folder: Path) -> None:
    (folder / "qrels.tsv").write_text("q1\t2401.00001\t1\nq1\tnowhere\t1\nq9\t2401.00001\t1\nq2\t2401.00001\t0\n")
    test_set = read_test_set(folder)
    assert test_set.skipped == Skipped(unknown_queries=1, unknown_documents=1)
    assert list(test_set.queries) == ["q1"]


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        ("corpus.jsonl", '{"id": "a", "title": "t", "text": "x"}\n{"id": ', "corpus.jsonl line 2: not JSON"),
        ("corpus.jsonl", '{"id": 7, "title": "t", "text": "x"}\n', 'corpus.jsonl line 1: no "id" that is a string'),
        ("corpus.jsonl", '{"id": "a", "title": "t"}\n', 'corpus.jsonl line 1: no "text" that is a string'),
        ("corpus.jsonl", '{"id": "a", "text": "x"}\n' * 2, "corpus.jsonl line 2: id a occurs twice"),
        ("corpus.jsonl", "\n", "corpus.jsonl holds no document"),
        ("queries.jsonl", '{"id": "q1", "text": " "}\n', "queries.jsonl line 1: the query is empty"),
        ("queries.jsonl", '{"id": "q1", "text": "\\ud800"}\n', "queries.jsonl line 1: text holds half a surrogate"),
        ("queries.jsonl", "[]\n", "queries.jsonl line 1: not a JSON object"),
        ("qrels.tsv", "query-id\tcorpus-id\tscore\nq1 2401.00001 1\n", "qrels.tsv line 2: not query-id"),
        ("qrels.tsv", "q1\t2401.00001\t0\n", "qrels.tsv holds no positive judgement"),
        ("qrels.tsv", "q1\t2401.00001\tmuch\n", "qrels.tsv line 1: not query-id"),
    ],
)
def test_bad_folder_is_an_error_that_names_the_place(folder: Path, file: str, text: str, message: str) -> None:
    (folder / file).write_text(text)
    with pytest.raises(CorpusError) as raised:
        read_test_set(folder)
    assert message in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("file", ["corpus.jsonl", "queries.jsonl", "qrels.tsv"])
def test_missing_file_is_named(folder: Path, file: str, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / file).unlink()
    assert main(["eval", "bench", str(folder)]) == 1
    error = capsys.readouterr().err
    assert error.startswith("error: ") and file in error and error.count("\n") == 1


def test_measures_have_their_known_values() -> None:
    rankings = {"q1": ["x", "a", "y", "b"], "q2": ["c"]}
    qrels = {"q1": {"a": 1, "b": 1}, "q2": {"c": 1}, "q3": {"d": 1}}
    values = per_query(rankings, qrels)
    assert values["ndcg@10"] == {"q1": pytest.approx(0.6509, abs=1e-4), "q2": 1.0, "q3": 0.0}
    assert values["mrr@10"] == {"q1": 0.5, "q2": 1.0, "q3": 0.0}
    assert values["recall@20"] == {"q1": 1.0, "q2": 1.0, "q3": 0.0}


def test_relevant_paper_beyond_rank_ten_counts_for_recall_alone() -> None:
    ranking = [f"x{i}" for i in range(15)] + ["a"]
    values = per_query({"q": ranking}, {"q": {"a": 1}})
    assert {name: of_query["q"] for name, of_query in values.items()} == {
        "ndcg@10": 0.0,
        "recall@20": 1.0,
        "recall@100": 1.0,
        "mrr@10": 0.0,
    }


def test_bench_scores_every_system_with_n_and_interval(folder: Path) -> None:
    _, _, rows = scored(folder)
    assert [row.system for row in rows] == ["dense", "lexical", "fused", "fast", "full"]
    for row in rows:
        assert row.measures["ndcg@10"] == Interval(1.0, 1.0, 1.0, 2)
        assert 0 < row.ms_p50 <= row.ms_p95


def test_bench_without_the_cross_encoder_has_no_full_system(folder: Path) -> None:
    test_set = read_test_set(folder)
    settings = replace(scratch_settings(SETTINGS, folder.parent / "cache", "tiny"), rerank_depth=0)
    library = indexed(settings, test_set, HashEncoder())
    rows = run_bench(test_set, settings, library, hash_models())
    library.close()
    assert [row.system for row in rows] == ["dense", "lexical", "fused", "fast"]


def test_second_run_embeds_nothing_and_an_edited_document_only_itself(folder: Path, tmp_path: Path) -> None:
    settings = scratch_settings(SETTINGS, tmp_path / "cache", "tiny")
    indexed(settings, read_test_set(folder), HashEncoder()).vectors.close()
    again = HashEncoder()
    indexed(settings, read_test_set(folder), again).vectors.close()
    assert again.embedded == []
    text = (folder / "corpus.jsonl").read_text().replace("Noise limits", "Heat limits")
    (folder / "corpus.jsonl").write_text(text)
    indexed(settings, read_test_set(folder), again).vectors.close()
    assert again.embedded == ["Qubits for Everyone"]


def test_recipes_do_not_evict_each_other_from_the_cache(tmp_path: Path) -> None:
    homes = {
        scratch_settings(settings, tmp_path, "tiny").home
        for settings in (SETTINGS, replace(SETTINGS, chunk_tokens=64), replace(SETTINGS, embed_model="other/model"))
    }
    assert len(homes) == 3
    assert {home.parent for home in homes} == {tmp_path / "tiny"}


def test_bm25_constants_change_its_scores(folder: Path, tmp_path: Path) -> None:
    settings = scratch_settings(SETTINGS, tmp_path / "cache", "tiny")
    test_set = read_test_set(folder)
    flat = indexed(settings, test_set, HashEncoder(), BM25(k1=0.0, b=0.0))
    plain = indexed(settings, test_set, HashEncoder())
    assert flat.bm25.scores(["cach"])[0] != plain.bm25.scores(["cach"])[0]
    for library in (flat, plain):
        library.vectors.close()


@pytest.mark.parametrize("flags", [["--k1", "-1"], ["--b", "1.5"], ["--b", "nan"], ["--chunk-tokens", "4"]])
def test_constants_without_meaning_are_a_usage_error(
    folder: Path, flags: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["eval", "bench", str(folder), *flags]) == 2
    assert capsys.readouterr().err.startswith("error: ")


def test_json_holds_figures_and_what_they_depend_on(folder: Path) -> None:
    test_set, library, rows = scored(folder)
    result = bench_to_json(test_set, SETTINGS, BM25(1.2), library.manifest, rows)
    assert (result["test_set"], result["split"], result["papers"], result["queries"]) == ("tiny", "test", 3, 2)
    assert result["settings"]["k1"] == 1.2 and result["settings"]["chunk_tokens"] == 384
    assert result["systems"][0]["measures"]["mrr@10"] == {"mean": 1.0, "low": 1.0, "high": 1.0, "n": 2}
    assert result["systems"][0]["published"] is None
    assert json.loads(json.dumps(result)) == result


def test_table_has_a_line_for_each_system(folder: Path) -> None:
    test_set, library, rows = scored(folder)
    text = bench_to_text(test_set, library.manifest, rows).split("\n")
    assert text[0] == "tiny, test split: 3 papers, n = 2 queries, 95 % bootstrap intervals"
    assert text[3].startswith("dense    1.000 [1.000, 1.000]")


def test_published_figure_stands_beside_its_own_model_only() -> None:
    known = published("scifact", "test", "lexical", "any-model", whole=False)
    assert known is not None and (known.value, known.source) == (0.679, "pyserini")
    dense = published("scifact", "test", "dense", "all-MiniLM-L6-v2", whole=True)
    assert dense is not None and dense.value == 0.645
    assert published("scifact", "test", "dense", "all-MiniLM-L6-v2", whole=False) is None
    assert published("scifact", "test", "dense", "another", whole=True) is None
    assert published("scifact", "dev", "lexical", "any-model", whole=True) is None


def test_query_that_is_a_document_does_not_find_itself(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    papers = {paper.paper_id: f"{paper.title}. {paper.abstract}" for paper in PAPERS}
    own, other = "2401.00001", "2305.00002"
    (folder / "queries.jsonl").write_text(lines({"id": own, "text": papers[own] + papers[other]}))
    (folder / "qrels.tsv").write_text(f"{own}\t{other}\t1\n")
    assert main(["eval", "bench", str(folder), "--json", "--quiet", "--cache", "cache"]) == 0
    rows = json.loads(capsys.readouterr().out)["systems"]
    assert [row["measures"]["ndcg@10"]["mean"] for row in rows] == [1.0] * 5


def test_bench_command_prints_one_json_object(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "qrels.tsv").write_text("q1\t2401.00001\t1\nq1\tnowhere\t1\n")
    assert main(["eval", "bench", str(folder), "--json", "--quiet", "--cache", "cache", "--k1", "1.2"]) == 0
    printed = capsys.readouterr()
    result = json.loads(printed.out)
    assert result["settings"]["embed_model"] == "citedesk-encoder"
    assert result["skipped"] == {"unknown_queries": 0, "unknown_documents": 1, "empty_documents": 0, "failed_papers": 0}
    assert printed.err == "left out: 1 unknown documents\n"
    assert Path("cache/tiny").is_dir()


def test_reference_stands_for_flags_that_can_still_be_given(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["eval", "bench", str(folder), "--reference", "--embed-model", "citedesk-encoder", "--json"]) == 0
    settings = json.loads(capsys.readouterr().out)["settings"]
    assert (settings["chunk_tokens"], settings["k1"], settings["b"]) == (100_000, 1.2, 0.75)
    assert settings["embed_model"] == "citedesk-encoder"
