"""The steps: fit writes the weights, check measures them; each indexes its collections in the work folder."""

from __future__ import annotations

import json
import logging
from argparse import Namespace
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from eval.training.common.provenance import hashes, write_json
from rag.corpus.files import file_sha256

if TYPE_CHECKING:
    from eval.training.selection.collections import Collection
    from eval.tuning.examples import Example

_log = logging.getLogger(__name__)
_DATA = ("documents.jsonl.xz", "groups.jsonl", "questions.jsonl")


def fit(given: Namespace) -> None:
    """Fit both depths on the groups for choosing, and write the weights."""
    from eval.training.common.records import OWN_LISTS
    from eval.training.selection.collections import read_own, read_split
    from eval.training.selection.impute import impute
    from eval.training.selection.report import measure
    from eval.tuning.fit import fit_ranker, fit_reread, ranker_to_json
    from rag.models.cross_encoder import FOLDER as CROSS_ENCODER
    from rag.models.cross_encoder import RERANKER, load_cross_encoder
    from rag.models.encoder import FOLDER as ENCODER
    from rag.retrieval.scoring import sigmoid
    from rag.settings import Settings

    settings = Settings()
    collections = [read_split(given.data, "choose", given.seed)]
    collections += read_own(OWN_LISTS, given.abstracts, "choose") if given.abstracts else []
    examples = [each for collection in collections for each in _examples(given.work, collection)]
    slope, intercept = examples[0].search.cross_encoder.cuts["belongs_platt"]  # type: ignore[misc]

    def chance(logit: float) -> float:
        return float(sigmoid(np.array(slope * logit + intercept)))

    imputed = impute(examples, settings.rerank_depth, chance)
    depths, report = {}, {}
    for depth, rerank_depth in (("full", settings.rerank_depth), ("fast", 0)):
        fitted = fit_ranker(imputed, rerank_depth)
        reread = fit_reread(imputed, fitted.hits, load_cross_encoder()) if rerank_depth else None
        depths[depth] = ranker_to_json(replace(fitted.ranker, reread=reread))
        report[depth] = measure(examples, fitted.hits, fitted.answerable, fitted.ranker.threshold)
        _log_report(depth, report[depth])
    models = {folder.name: file_sha256(folder / "model.onnx") for folder in (ENCODER, RERANKER, CROSS_ENCODER)}
    made = {
        "data_sha256": hashes([*(given.data / name for name in _DATA), OWN_LISTS]),
        "models_sha256": models,
        "questions": len(examples),
        "papers": sum(len(each.papers) for each in collections),
        "rerank_depth": settings.rerank_depth,
        "seed": given.seed,
    }
    write_json(given.out, {"depths": depths, **made})
    write_json(given.work / "fit.json", report)


def check(given: Namespace) -> None:
    """Measure the weights on the held-out groups, on BEIR folders, and on gold questions."""
    from eval.benchmarks.beir import read_test_set
    from eval.report.charts import reliability_plot, standalone
    from eval.training.common.records import OWN_LISTS
    from eval.training.selection.collections import from_test_set, read_own, read_split
    from eval.training.selection.report import evidence_first, measure
    from rag.retrieval.scoring import Depth, load_ranker
    from rag.selection.answerability import answerable_features
    from rag.settings import Settings

    settings = Settings()
    collections = [from_test_set(read_test_set(folder)) for folder in given.beir]
    if given.data:
        collections.append(read_split(given.data, "held", given.seed))
        collections += read_own(OWN_LISTS, given.abstracts, "held") if given.abstracts else []
    collections += [_gold(path, given.corpus) for path in given.gold]
    out = given.work / "check.json"
    report = json.loads(out.read_text("utf-8")) if out.exists() else {}
    depths: tuple[tuple[Depth, int], ...] = (("fast", 0), ("full", settings.rerank_depth))
    for collection in collections:
        examples = _examples(given.work, collection)
        for depth, rerank_depth in depths:
            ranker = load_ranker(depth, given.weights)
            hits = [each.rank(ranker, rerank_depth) for each in examples]
            chances = np.array([ranker.answerable.probability(answerable_features(own)) for own in hits])
            found = measure(examples, hits, chances, ranker.threshold)
            if rerank_depth and collection.questions[0].sentences:
                for form in ("fact", "list"):
                    found[f"evidence sentence first, {form}"] = evidence_first(examples, form)
            report[f"{collection.name} {depth}"] = found
            _log_report(f"{collection.name} {depth}", found)
            write_json(out, report)
            table = found["collection: calibration"]["table"]
            svg = reliability_plot(table, f"calibration, {collection.name}, {depth}")
            (given.work / f"calibration-{collection.name}-{depth}.svg").write_text(standalone(svg), encoding="utf-8")


def _gold(path: Path, corpus: Path) -> Collection:
    from eval.gold.questions import load_gold
    from eval.training.selection.collections import from_gold
    from rag.corpus.reader import read_corpus
    from rag.settings import Settings

    papers = read_corpus([corpus], Settings().saved_year).papers
    return from_gold(f"gold-{path.stem}", papers, load_gold([path], {paper.paper_id: paper for paper in papers}))


def _examples(work: Path, collection: Collection) -> list[Example]:
    """Index a collection, and find the candidates of its questions."""
    from eval.benchmarks.beir import Skipped, TestSet
    from eval.benchmarks.index import BM25, open_indexed, scratch_settings
    from eval.tuning.examples import KeptReadings, Search
    from rag.models.cross_encoder import RERANKER
    from rag.models.loading import load_models
    from rag.retrieval.encoded_query import QueryEncoder
    from rag.settings import Settings

    settings = scratch_settings(Settings(), work, collection.folder)
    models = load_models(settings)
    assert models.cross_encoder
    test_set = TestSet(collection.name, "test", collection.papers, {}, {}, Skipped())
    library = open_indexed(settings, test_set, BM25(), lambda: models, lambda: None)
    kept = KeptReadings(settings.home / f"read-{file_sha256(RERANKER / 'model.onnx')[:12]}.jsonl")
    search = Search(library, QueryEncoder(models), models.cross_encoder, kept, settings.pool)
    _log.info("collection=%s papers=%d questions=%d", collection.name, len(library.papers), len(collection.questions))
    return [search.example(each) for each in collection.questions]


def _log_report(name: str, report: dict[str, Any]) -> None:
    for measure, value in report.items():
        _log.info("%s | %s %s", name, measure, value)
