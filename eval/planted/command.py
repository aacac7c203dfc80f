"""What `citedesk eval plant` does: take true sentences, plant errors, judge all, print what was caught."""

from __future__ import annotations

from argparse import Namespace

from eval.planted.measure import Case, Planted, cases, cost, groups, judge_cases
from eval.planted.output import planted_to_json, planted_to_text
from eval.planted.swap import Swap, any_other, nearest_by_vectors, nearest_by_words
from eval.planted.truths import as_reported, own_claims, read_paraphrases, summaries
from eval.progress import bar
from rag.cli.commands import print_result
from rag.errors import CorpusError
from rag.index.library import Library, open_library
from rag.models.encoder import load_encoder
from rag.models.entailment import load_entailment
from rag.settings import Configuration, Settings
from rag.verification.judge import SentenceJudge


def plant(arguments: Namespace, configuration: Configuration) -> int:
    """Judge true sentences and the same with planted errors by the judge of written answers."""
    library = open_library(configuration.settings)
    found = _of_index(arguments, configuration.settings, library)
    if arguments.summaries:
        found += _of_summaries(arguments)
    library.close()
    if not found:
        raise CorpusError("The index holds no sentence about a paper's own work. Index other papers.")
    judge = SentenceJudge(load_entailment())
    judged = judge_cases(judge, found, None if arguments.quiet else bar(found, len(found), "judging"))
    sums, spent = groups(judged), cost(judged)
    print_result(
        arguments,
        lambda: planted_to_json(sums, spent, judged, arguments.seed),
        lambda width: planted_to_text(sums, spent),
    )
    return 0


def _of_index(arguments: Namespace, settings: Settings, library: Library) -> list[Case]:
    n, seed, papers = arguments.n, arguments.seed, library.papers
    own = own_claims(papers.values(), seed)
    truths = [own, as_reported(own)]
    if arguments.paraphrases:
        truths.append(read_paraphrases(arguments.paraphrases, papers, seed))
    near = nearest_by_vectors(library, load_encoder(settings.embed_model))
    swaps: dict[Planted, Swap] = {"other paper": any_other(list(papers.values()), seed), "nearest paper": near}
    return [case for each in truths for case in cases(each, swaps, n, seed)]


def _of_summaries(arguments: Namespace) -> list[Case]:
    from eval.testsets.beir import read_test_set

    test_set = read_test_set(arguments.summaries, arguments.split)
    papers = test_set.papers
    swaps: dict[Planted, Swap] = {
        "other paper": any_other(papers, arguments.seed),
        "nearest paper": nearest_by_words(papers),
    }
    return list(cases(summaries(test_set, arguments.seed), swaps, arguments.n, arguments.seed))
