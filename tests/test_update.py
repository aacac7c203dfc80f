from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from rag.corpus.reader import Corpus
from rag.errors import IndexFailed, IndexMissing
from rag.index.generations import FORMAT, TOKEN_VECTORS, VECTORS, IndexFolder, Recipe, damaged_files
from rag.index.generations import PAPERS as PAPERS_FILE
from rag.index.library import open_library
from rag.index.papers import PaperWriter, open_papers
from rag.index.plan import BuildPlan
from rag.index.token_vectors import NO_START, open_token_vectors, row_count
from rag.index.update import BuildSummary, update_index
from rag.index.vectors import create_vectors, open_vectors
from rag.models.embedder import Embedder
from rag.models.encoder import FOLDER, EncodedDocument
from rag.models.loading import Models
from rag.models.onnx import Array
from rag.models.token_codec import load_token_codec
from rag.text.tokens import tokenize
from rag.types import Paper, Problem
from tests.conftest import PROJECT
from tests.fakes import (
    CACHE_PAPER,
    HASH_RECIPE,
    PAPERS,
    QUANTUM_PAPER,
    ROBOT_PAPER,
    HashEncoder,
    hash_settings,
)
from tests.timing import PATIENCE

RECIPE = HASH_RECIPE
NOON = datetime(2026, 1, 2, 12, tzinfo=UTC)


class Indexer:
    """Runs updates of one index folder, an hour apart."""

    def __init__(self, home: Path) -> None:
        self.folder = IndexFolder(home)
        self.encoder = HashEncoder()
        self.other: Embedder | None = None
        self.runs = 0

    def run(
        self,
        papers: Sequence[Paper] = PAPERS,
        recipe: Recipe = RECIPE,
        problems: tuple[Problem, ...] = (),
        rebuild: bool = False,
    ) -> BuildSummary:
        with self.folder.locked(lambda: None):
            return self.build(papers, recipe, problems, rebuild)

    def build(
        self,
        papers: Sequence[Paper],
        recipe: Recipe = RECIPE,
        problems: tuple[Problem, ...] = (),
        rebuild: bool = False,
    ) -> BuildSummary:
        """Do what a run does, for those who hold the lock."""
        self.runs += 1
        self.encoder.embedded.clear()
        corpus = Corpus.of(papers, problems)
        now = NOON + timedelta(hours=self.runs)
        request = BuildPlan(corpus, recipe, ("/corpus",), 2025, now, rebuild)
        return update_index(self.folder, request, lambda: Models(self.encoder, embedder=self.other))

    def paper_ids(self) -> list[str]:
        """Return the ids of the papers of the current generation, all parts of which have to agree."""
        generation, manifest = self.folder.current(), self.folder.manifest()
        papers, store = open_papers(generation), open_vectors(generation / VECTORS)
        try:
            counts = dict(zip(papers, papers.places["chunks"].tolist(), strict=True))
            assert store.ids() == {f"{paper_id}#{i}" for paper_id in papers for i in range(counts[paper_id])}
            assert manifest.chunks == sum(counts.values())
            assert manifest.papers == len(papers)
            ends = papers.places["first"] + papers.places["tokens"]
            assert ends.max() <= row_count(generation / TOKEN_VECTORS)
            assert not damaged_files(generation, manifest, thorough=True)
            return sorted(papers)
        finally:
            store.close()
            papers.close()


def robots(numbers: int | Iterable[int], edition: str = "") -> tuple[Paper, ...]:
    """Return so many papers, or those of some numbers."""
    numbers = range(numbers) if isinstance(numbers, int) else numbers
    abstract = ROBOT_PAPER.abstract + edition
    return tuple(replace(ROBOT_PAPER, paper_id=f"p{i}", title=f"Robot {i}", abstract=abstract) for i in numbers)


@pytest.fixture
def indexer(tmp_path: Path) -> Indexer:
    return Indexer(tmp_path)


def counts(summary: BuildSummary) -> tuple[int, int, int, int]:
    return summary.added, summary.replaced, summary.removed, summary.unchanged


def test_first_run_adds_everything(indexer: Indexer) -> None:
    assert counts(indexer.run()) == (3, 0, 0, 0)
    assert indexer.paper_ids() == ["1804.00003", "2305.00002", "2401.00001"]
    assert list(open_papers(indexer.folder.current()).values()) == list(PAPERS)


def test_second_run_changes_nothing_and_loads_no_model(indexer: Indexer) -> None:
    generation = indexer.run().generation

    def load() -> Models:
        raise AssertionError("the model was loaded")

    request = BuildPlan(Corpus.of(PAPERS), RECIPE, ("/corpus",), 2025, NOON)
    summary = update_index(indexer.folder, request, load)
    assert (counts(summary), summary.generation) == ((0, 0, 0, 3), generation)


def test_only_what_changed_is_embedded(indexer: Indexer) -> None:
    indexer.run([CACHE_PAPER, ROBOT_PAPER])
    edited = replace(ROBOT_PAPER, abstract="Robots now swim. They float well.")
    assert counts(indexer.run([edited, QUANTUM_PAPER])) == (1, 1, 1, 0)
    assert set(indexer.encoder.embedded) == {"Walking Robots on Sand", "Qubits for Everyone"}
    assert indexer.paper_ids() == ["1804.00003", "2305.00002"]
    assert open_papers(indexer.folder.current())["2305.00002"].abstract == "Robots now swim. They float well."


def test_edited_paper_leaves_no_old_chunk_behind(indexer: Indexer) -> None:
    indexer.run([replace(CACHE_PAPER, abstract="One two three. " * 40)])
    indexer.run([replace(CACHE_PAPER, abstract="Short now.")])
    assert indexer.folder.manifest().chunks == 1


def test_removal_embeds_nothing(indexer: Indexer) -> None:
    indexer.run()
    assert counts(indexer.run([ROBOT_PAPER])) == (0, 0, 2, 1)
    assert indexer.encoder.embedded == []


@pytest.mark.parametrize(
    ("recipe", "reason"),
    [
        (replace(RECIPE, embedder="other"), "the embedding model changed from hash to other"),
        (replace(RECIPE, embedder=""), "the embedding model changed from hash to citedesk-encoder"),
        (replace(RECIPE, encoder="other"), f"the weights of the encoder changed from {RECIPE.encoder} to other"),
        (replace(RECIPE, chunk_tokens=60), "the chunk size changed from 30 to 60"),
    ],
)
def test_changed_recipe_rebuilds(indexer: Indexer, recipe: Recipe, reason: str) -> None:
    indexer.run()
    summary = indexer.run(recipe=recipe)
    assert (counts(summary), summary.rebuilt) == ((0, 0, 0, 3), reason)
    assert len(indexer.encoder.embedded) >= 3


def test_index_of_an_older_format_is_not_read_but_rebuilt(indexer: Indexer) -> None:
    indexer.run()
    manifest = indexer.folder.current() / "manifest.json"
    known = json.loads(manifest.read_text())
    known["recipe"] = {"embedding": "a", "chunk_tokens": 96, "chunk_overlap": 32, "late": "b", "format": 2}
    manifest.write_text(json.dumps(known))
    with pytest.raises(IndexFailed, match=f"has format 2; this version reads {FORMAT}. Run `citedesk index`"):
        open_library(hash_settings(indexer.folder.path.parent))
    summary = indexer.run()
    assert (counts(summary), summary.rebuilt) == ((0, 0, 0, 3), f"the index format changed from 2 to {FORMAT}")
    assert len(indexer.paper_ids()) == 3


@pytest.mark.parametrize(
    ("recipe", "message"),
    [
        (replace(RECIPE, embedder=""), "with the model citedesk-encoder, but CITEDESK_EMBED_MODEL names hash"),
        (replace(RECIPE, embedder="hash sha256:0"), "with other weights of hash, but CITEDESK_EMBED_MODEL names hash"),
        (replace(RECIPE, encoder="other"), "with other weights of the encoder. Run `citedesk index` to rebuild it"),
    ],
)
def test_index_of_other_models_is_not_read(indexer: Indexer, recipe: Recipe, message: str) -> None:
    indexer.run(recipe=recipe)
    with pytest.raises(IndexFailed, match=f"The index was built {message}"):
        open_library(hash_settings(indexer.folder.path.parent))


def test_token_vectors_follow_their_papers(indexer: Indexer) -> None:
    indexer.run([CACHE_PAPER, ROBOT_PAPER])
    edited = replace(ROBOT_PAPER, abstract="Robots now swim. They float well.")
    indexer.run([QUANTUM_PAPER, edited, CACHE_PAPER])
    library = open_library(hash_settings(indexer.folder.path.parent))
    query = indexer.encoder.encode_question("swim float well").tokens[1:]
    assert library.maxsim.scores(query, np.arange(3)).round(1).tolist()[1] == 1.0
    assert library.maxsim.span_similarities(query, 1, [(0, 16), (17, 33)]).round(1).argmax(axis=0).tolist() == [0, 1, 1]
    library.close()


def test_token_vectors_of_all_chunks_have_their_place_in_the_abstract(indexer: Indexer) -> None:
    paper = replace(CACHE_PAPER, abstract="".join(f"Sentence {i} has a few words here. " for i in range(20)).strip())
    indexer.run([paper])
    assert indexer.folder.manifest().chunks > 2
    rows = row_count(indexer.folder.current() / TOKEN_VECTORS)
    _, starts = open_token_vectors(indexer.folder.current() / TOKEN_VECTORS, rows)
    words = [paper.abstract[start:].split()[0] for start in starts[:].tolist() if start != NO_START]
    assert set(words) == set(paper.abstract.split())
    assert len(indexer.encoder.embedded) == indexer.folder.manifest().chunks


def test_vectors_are_those_of_another_embedder_if_there_is_one(indexer: Indexer) -> None:
    indexer.other = OneDirection()
    indexer.run([CACHE_PAPER])
    store = open_vectors(indexer.folder.current() / VECTORS)
    assert store.paper_vectors()[CACHE_PAPER.paper_id].tolist() == [0.0, 1.0]
    store.close()
    assert indexer.encoder.embedded


class OneDirection:
    """An embedder to which all texts are alike, and which reads few tokens of them."""

    max_tokens = 40

    def encode_documents(self, texts: Sequence[str]) -> Array:
        assert all(text.startswith("Small Caches. ") for text in texts)
        return np.tile(np.array([0, 1], np.float32), (len(texts), 1))

    def encode_query(self, text: str) -> Array:
        return np.array([0, 1], np.float32)


def unpublish(indexer: Indexer) -> Path:
    """Make the current generation what a run left that was killed before it could publish it."""
    indexer.folder.current().rename(indexer.folder.staging)
    (indexer.folder.path / "current").unlink()
    return indexer.folder.staging


def test_paper_without_token_vectors_in_staging_is_embedded_again(indexer: Indexer) -> None:
    indexer.run()
    starts = unpublish(indexer) / TOKEN_VECTORS / "starts"
    starts.write_bytes(starts.read_bytes()[:-1])
    assert counts(indexer.run()) == (3, 0, 0, 0)
    assert set(indexer.encoder.embedded) == {"Qubits for Everyone"}
    assert len(indexer.paper_ids()) == 3


def test_chunks_of_a_paper_that_is_in_no_database_are_deleted(indexer: Indexer) -> None:
    indexer.run([CACHE_PAPER, ROBOT_PAPER])
    papers = PaperWriter(unpublish(indexer) / PAPERS_FILE)
    papers.remove([ROBOT_PAPER.paper_id])
    papers.close()
    indexer.run([CACHE_PAPER])
    assert indexer.encoder.embedded == []
    assert indexer.paper_ids() == [CACHE_PAPER.paper_id]


def test_rebuild_starts_afresh(indexer: Indexer) -> None:
    first = indexer.run().generation
    summary = indexer.run(rebuild=True)
    assert (summary.rebuilt, summary.generation != first) == ("as requested", True)
    assert len(indexer.encoder.embedded) >= 3


def test_paper_that_fails_is_listed_and_tried_again(indexer: Indexer) -> None:
    indexer.encoder = HashEncoder(fails_on="Robots")
    failed = indexer.run()
    assert (counts(failed), [problem.source for problem in failed.failed]) == ((2, 0, 0, 0), ["2305.00002"])
    assert "2305.00002" in indexer.folder.manifest().failed[0]
    indexer.encoder = HashEncoder()
    assert counts(indexer.run()) == (1, 0, 0, 2)
    assert indexer.folder.manifest().failed == ()


def test_problem_of_the_corpus_is_listed_each_time(indexer: Indexer) -> None:
    problem = Problem("page.txt", 7, "no such date: Feb 31")
    assert indexer.run(problems=(problem,)).failed == (problem,)
    assert indexer.run(problems=(problem,)).failed == (problem,)


def test_run_that_stopped_is_taken_up_again(indexer: Indexer) -> None:
    class Stops(HashEncoder):
        def encode_documents(self, texts: Sequence[tuple[str, str]]) -> list[EncodedDocument]:
            if len(self.embedded) > 30:
                raise KeyboardInterrupt
            return super().encode_documents(texts)

    papers = robots(40)
    indexer.encoder = Stops()
    with pytest.raises(KeyboardInterrupt):
        indexer.run(papers)
    indexer.encoder = HashEncoder()
    assert counts(indexer.run(papers)) == (40, 0, 0, 0)
    assert 0 < len(set(indexer.encoder.embedded)) < 40


def test_staging_of_another_recipe_is_not_taken_up(indexer: Indexer) -> None:
    indexer.run([CACHE_PAPER], recipe=replace(RECIPE, encoder="other"))
    unpublish(indexer)
    indexer.run([CACHE_PAPER])
    assert indexer.encoder.embedded


def test_paper_whose_chunks_are_not_all_there_is_embedded_again(indexer: Indexer) -> None:
    indexer.run([replace(CACHE_PAPER, abstract="One two three. " * 40)])
    store = create_vectors(unpublish(indexer) / VECTORS)
    store.remove(["2401.00001#1"])
    store.close()
    indexer.run([replace(CACHE_PAPER, abstract="One two three. " * 40)])
    assert indexer.encoder.embedded
    assert "2401.00001" in indexer.paper_ids()


def test_finished_generation_that_did_not_become_current_is_taken_up(indexer: Indexer) -> None:
    indexer.run(PAPERS[:1])
    before = indexer.folder.current().name
    indexer.run(PAPERS)
    (indexer.folder.path / "current").write_text(before)
    indexer.run(PAPERS)
    assert indexer.encoder.embedded == []
    assert len(indexer.paper_ids()) == 3


def test_same_papers_from_elsewhere_are_noted_without_embedding(indexer: Indexer) -> None:
    indexer.run()
    request = BuildPlan(Corpus.of(PAPERS), RECIPE, ("/elsewhere",), 2024, NOON + timedelta(days=1))
    summary = update_index(indexer.folder, request, lambda: pytest.fail("the model was loaded"))
    manifest = indexer.folder.manifest()
    assert (counts(summary), manifest.sources, manifest.saved_year) == ((0, 0, 0, 3), ("/elsewhere",), 2024)


def test_vectors_of_removed_papers_go_once_they_are_a_quarter(indexer: Indexer) -> None:
    indexer.run(robots(40))
    rows = row_count(indexer.folder.current() / TOKEN_VECTORS)
    indexer.run(robots(20))
    assert row_count(indexer.folder.current() / TOKEN_VECTORS) == rows
    indexer.run([*robots(20), CACHE_PAPER])
    assert row_count(indexer.folder.current() / TOKEN_VECTORS) < 0.6 * rows
    assert len(indexer.paper_ids()) == 21
    assert set(indexer.encoder.embedded) == {CACHE_PAPER.title}
    assert_finds_each(indexer, [*robots(20), CACHE_PAPER])


def test_updated_index_finds_what_a_fresh_one_finds(indexer: Indexer, tmp_path: Path) -> None:
    wanted = [*PAPERS[1:], *robots(30)]
    indexer.run([*robots(40), *PAPERS])
    indexer.run([replace(each, abstract="Nothing.") for each in wanted])
    indexer.run(wanted)
    fresh = Indexer(tmp_path / "fresh")
    fresh.run(wanted)
    assert_finds_each(indexer, wanted)
    opened = [open_library(hash_settings(each.folder.path.parent)) for each in (indexer, fresh)]
    for question in ("caches of transformers", "robots on sand", "qubits"):
        encoded, terms = indexer.encoder.encode_question(question), tokenize(question)
        one, other = [
            (
                [round(hit.similarity, 4) for hit in library.vectors.search(encoded.vector, 32)],
                library.bm25.scores(terms).round(4).tolist(),
                library.maxsim.scores(encoded.tokens, np.arange(32)).round(4).tolist(),
            )
            for library in opened
        ]
        assert one == other
    for library in opened:
        library.close()


def assert_finds_each(indexer: Indexer, papers: Sequence[Paper]) -> None:
    """Assert that each paper's own tokens and vector find it, or one with the same words."""
    library = open_library(hash_settings(indexer.folder.path.parent))
    for paper in papers:
        (encoded,) = indexer.encoder.encode_documents([(paper.title, paper.abstract)])
        scores = library.maxsim.scores(load_token_codec(FOLDER).decode(encoded.tokens.vectors), np.arange(len(papers)))
        assert scores[library.papers.position(paper.paper_id)] == scores.max() > 0.99
        (hit,) = library.vectors.search(encoded.vector, 1)
        assert hit.similarity > 0.99
    library.close()


def test_problem_that_was_solved_is_forgotten(indexer: Indexer) -> None:
    indexer.run(problems=(Problem("page.txt", 7, "no such date: Feb 31"),))
    assert indexer.folder.manifest().failed == ("page.txt line 7: no such date: Feb 31",)
    indexer.run()
    assert indexer.folder.manifest().failed == ()


def test_older_generations_go_but_the_one_before_stays(indexer: Indexer) -> None:
    for papers in (PAPERS[:1], PAPERS[:2], PAPERS, PAPERS[1:]):
        indexer.run(papers)
    assert len([path for path in indexer.folder.path.iterdir() if path.is_dir()]) == 2


def test_damaged_staging_is_thrown_away(indexer: Indexer) -> None:
    staging = indexer.folder.staging / VECTORS
    staging.mkdir(parents=True)
    (staging / "chroma.sqlite3").write_bytes(b"garbage" * 99)
    (indexer.folder.staging / "base").write_text(f"{RECIPE!r}\n")
    assert counts(indexer.run()) == (3, 0, 0, 0)


def test_damaged_index_is_built_afresh(indexer: Indexer) -> None:
    indexer.run()
    (indexer.folder.current() / "manifest.json").write_text("{")
    assert counts(indexer.run()) == (3, 0, 0, 0)


def test_missing_index_names_the_command_that_builds_one(tmp_path: Path) -> None:
    with pytest.raises(IndexMissing, match="Run `citedesk index`"):
        IndexFolder(tmp_path).manifest()


def test_search_finds_chunks_of_admitted_papers_only(indexer: Indexer) -> None:
    indexer.run()
    store = open_vectors(indexer.folder.current() / VECTORS)
    vector = HashEncoder().encode_question("robots on sand").vector
    admitted = (["2305.00002#0", "2401.00001#0"], ["1804.00003#0"], [], None)
    found = [{hit.paper_id for hit in store.search(vector, 99, each)} for each in admitted]
    store.close()
    assert found == [{"2305.00002", "2401.00001"}, {"1804.00003"}, set(), {"2305.00002", "2401.00001", "1804.00003"}]


@pytest.fixture(scope="module")
def runner() -> Iterator[subprocess.Popen[str]]:
    """A process that indexes on request, each time in a child that may be killed; see index_runner.py."""
    command = [sys.executable, "-W", "ignore", "-m", "tests.index_runner"]
    with subprocess.Popen(command, cwd=PROJECT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield process
        process.communicate(timeout=PATIENCE)


def request(process: subprocess.Popen[str], home: Path, moment: str, count: int) -> None:
    """Have a runner index so many papers and be killed at a moment, if one is named."""
    assert process.stdin
    order = {"home": str(home), "moment": moment, "papers": list(range(count))}
    process.stdin.write(f"{json.dumps(order)}\n")
    process.stdin.flush()
    assert int(reply(process))


def reply(process: subprocess.Popen[str]) -> str:
    assert process.stdout
    return process.stdout.readline().strip()


@pytest.fixture(scope="module")
def two_generations(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An index of ten robots that was built in two runs."""
    home = tmp_path_factory.mktemp("robots")
    indexer = Indexer(home)
    indexer.run(robots(9))
    indexer.run(robots(10))
    return home


@pytest.mark.parametrize(
    ("moment", "lost"),
    [
        ("copy", 30),
        ("token_vectors", 30),
        ("first_write", 30),
        ("first_paper", 30),
        ("second_write", 14),
        ("second_paper", 0),
        ("lexical", 0),
        ("finish", 0),
        ("manifest", 0),
        ("pointer", 0),
        ("prune", 0),
    ],
)
def test_kill_at_any_moment_leaves_an_index_and_the_next_run_completes(
    two_generations: Path, runner: subprocess.Popen[str], tmp_path: Path, moment: str, lost: int
) -> None:
    shutil.copytree(two_generations / "index", tmp_path / "index")
    request(runner, tmp_path, moment, 40)
    assert (reply(runner), reply(runner)) == ("locked", str(-signal.SIGKILL))
    indexer = Indexer(tmp_path)
    indexer.runs = 2
    survived = len(indexer.paper_ids())
    assert survived == (40 if moment == "prune" else 10)
    assert len(open_papers(indexer.folder.current())) == survived
    indexer.run(robots(40))
    assert len(indexer.paper_ids()) == 40
    assert len(set(indexer.encoder.embedded)) == lost


def test_second_process_waits_and_finds_the_work_done(
    indexer: Indexer, runner: subprocess.Popen[str], tmp_path: Path
) -> None:
    with indexer.folder.locked(lambda: None):
        request(runner, tmp_path, "none", 30)
        assert reply(runner) == "waiting"
        generation = indexer.build(robots(30)).generation
    assert (reply(runner), reply(runner)) == ("locked", "0")
    assert indexer.folder.current().name == generation
    assert len(indexer.paper_ids()) == 30


def test_full_disk_is_a_clear_error_and_the_index_stays(indexer: Indexer, monkeypatch: pytest.MonkeyPatch) -> None:
    indexer.run()
    resource = pytest.importorskip("resource")
    signal_before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    limit_before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limit_before[1]))
    papers = robots(40)
    try:
        with pytest.raises(IndexFailed, match=r"cannot be written.*The current index is unchanged"):
            indexer.run(papers)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit_before)
        signal.signal(signal.SIGXFSZ, signal_before)
    assert len(indexer.paper_ids()) == 3
    assert counts(indexer.run(papers)) == (40, 0, 3, 0)


def test_generation_that_is_read_is_deleted_only_by_the_next_run(indexer: Indexer) -> None:
    indexer.run(PAPERS[:1])
    read = indexer.folder.current()
    library = open_library(hash_settings(indexer.folder.path.parent))
    for papers in (PAPERS[:2], PAPERS, PAPERS[1:]):
        indexer.run(papers)
    assert library.vectors.search(HashEncoder().encode_question("caches").vector, 1)
    assert read.is_dir()
    library.close()
    indexer.run(PAPERS)
    assert not read.exists()
