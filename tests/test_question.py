"""Questions read with the encoder that comes with Citedesk."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from functools import cache
from itertools import count
from time import process_time

import pytest

from eval.training.encoder.reading import TRYING
from rag.index.papers import PaperStore
from rag.models.encoder import EncodedQuestion, Encoder, Tagged, load_encoder
from rag.query.orders import read_order
from rag.query.question import QuestionReader
from rag.types import Filters, Kind, Paper, Query, Unapplied

TODAY = date(2026, 11, 28)
PAPERS = {
    paper.paper_id: paper
    for paper in (
        Paper("a", "Pebble: Small Caches", "Pebble prunes.", authors=("Ada Quill", "Bo Tanaka"), venue="ICML 2024"),
        Paper("b", "Dune: Walking Robots on Sand", "Dune walks.", authors=("Cem Osei",), date="2023-05"),
        Paper("c", "Reef: Caches on Disk", "Reef keeps.", authors=("Ana López",), organisation="DeepMind", date="2022"),
        Paper("d", "Qubits for Everyone", "We review.", venue="Nature 567", code="https://example.org/q", date="2024"),
    )
}


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return load_encoder()


@pytest.fixture(scope="module")
def reader() -> QuestionReader:
    return QuestionReader(PaperStore.of(PAPERS.values()), lambda: TODAY)


@pytest.mark.parametrize(
    ("question", "filters"),
    [
        ("Which papers compress language models since 2023?", Filters(since="2023")),
        ("work on graph neural networks from the last two years", Filters(since="2024-11")),
        ("What appeared on retrieval between March 2024 and May 2025?", Filters("2024-03", "2025-05")),
        ("papers about robots by Ada Quill", Filters(author="Ada Quill")),
        ("papers by Ada Quill and Bo Tanaka on caches", Filters(author="Ada Quill", coauthors=("Bo Tanaka",))),
        ("papers on diffusion models with code", Filters(code=True)),
        ("papers on pruning with more than ten authors", Filters(least_authors=11)),
        ("which papers at ICML 2024 are about memory?", Filters(venue="ICML 2024")),
        ("papers from DeepMind about weather forecasting", Filters(organisation="DeepMind")),
        ("papers on quantization, but not from 2024", Filters(not_date="2024")),
        ("papers on caches except those by Ada Quill", Filters(not_author="Ada Quill")),
        ("work on sparse attention", Filters()),
    ],
)
def test_filters_are_read_from_plain_questions(
    encoder: Encoder, reader: QuestionReader, question: str, filters: Filters
) -> None:
    query = reader.read(encoder.encode_question(question))
    assert (query.filters, query.unapplied, query.question) == (filters, (), question)


@pytest.mark.parametrize("question", ["Tell me about Ada Quill", "Ada Quill", "Who is Bo Tanaka and what did he do?"])
def test_question_about_an_author_is_for_what_the_author_wrote(
    encoder: Encoder, reader: QuestionReader, question: str
) -> None:
    query = reader.read(encoder.encode_question(question))
    assert (query.kind, bool(query.filters.author)) == ("metadata", True)


@pytest.mark.parametrize(
    ("question", "text"),
    [
        ("papers on diffusion models with code", "diffusion models"),
        ("Which papers compress language models since 2023?", "compress language models"),
        ("Which papers compress language models?", "Which papers compress language models?"),
        ("papers from 2024", "papers from 2024"),
    ],
)
def test_what_filters_say_is_not_searched_for(
    encoder: Encoder, reader: QuestionReader, question: str, text: str
) -> None:
    assert reader.read(encoder.encode_question(question)).text == text


@pytest.mark.parametrize(
    ("question", "kind"),
    [
        ("Which papers study reinforcement learning for robots?", "list"),
        ("How much memory does the method save on long prompts?", "fact"),
        ("Compare LoRA and full fine-tuning", "compare"),
        ("What is the state of the art in machine translation?", "summary"),
        ("papers by Ada Quill", "metadata"),
        ("what can you do?", "help"),
        ("best restaurants in Rome", "off-topic"),
        ("walking robots on sand", "lookup"),
        ("dune walking robots on snad", "lookup"),
    ],
)
def test_kind_is_what_the_encoder_says_or_a_title(
    encoder: Encoder, reader: QuestionReader, question: str, kind: Kind
) -> None:
    assert reader.read(encoder.encode_question(question)).kind == kind


@pytest.mark.parametrize(
    ("question", "sought"),
    [
        ("overview of graph coloring", "Which papers are about graph coloring?"),
        ("which papers give an overview of graph coloring?", "which papers give an overview of graph coloring?"),
    ],
)
def test_overview_is_searched_for_as_the_papers_on_its_topic(
    reader: QuestionReader, question: str, sought: str
) -> None:
    assert reader.read(encoded(question, ("graph coloring", "topic"), kind="summary")).text == sought
    assert reader.read(encoded("overview", kind="summary")).text == "overview"


def test_order_and_count_are_read(encoder: Encoder, reader: QuestionReader) -> None:
    query = reader.read(encoder.encode_question("the newest three papers on speech recognition"))
    assert (query.kind, query.order, query.count) == ("list", "newest", 3)
    one = reader.read(encoder.encode_question("the oldest paper on speech recognition"))
    assert (one.order, one.count) == ("oldest", 1)
    assert reader.read(encoder.encode_question("which of these is the newest?")).count == 1
    assert reader.read(encoder.encode_question("papers on speech recognition, newest paper first")).count is None


def test_sides_of_a_comparison_are_its_subjects(encoder: Encoder, reader: QuestionReader) -> None:
    assert reader.read(encoder.encode_question("Compare Pebble and Reef")).subjects == ("Pebble", "Reef")


@cache
def _encoder() -> Encoder:
    return load_encoder()


def encoded(text: str, *tags: tuple[str, str], kind: str = "list", probability: float = 0.9) -> EncodedQuestion:
    """Return a question as if the encoder had tagged parts of it."""
    read = _encoder().encode_question(text)
    spans = [(text.index(part), part, tag) for part, tag in tags]
    stretches = tuple(Tagged(at, at + len(part), tag, probability) for at, part, tag in sorted(spans))
    return replace(read, kinds={kind: probability}, tags=stretches)


@pytest.mark.parametrize(
    ("part", "tag", "reason"),
    [
        ("around 2012", "date", "unreadable"),
        ("most cited", "order", "unreadable"),
        ("a few", "count", "unreadable"),
        ("large teams", "author count", "unreadable"),
        ("OpenAI", "organisation", "unknown"),
        ("nothing else", "exclusion", "unreadable"),
        ("x" * 200, "venue", "unreadable"),
    ],
)
def test_what_cannot_be_applied_is_said(reader: QuestionReader, part: str, tag: str, reason: str) -> None:
    query = reader.read(encoded(f"papers on caches {part}", ("caches", "topic"), (part, tag)))
    assert not query.filters
    assert query.unapplied == (Unapplied(part[:120], tag, reason),)  # type: ignore[arg-type]


def test_name_that_no_paper_has_is_a_filter_of_a_list_and_a_notice_of_a_fact(reader: QuestionReader) -> None:
    text = "what did Hinton find on capsules"
    tags = (("Hinton", "author"), ("capsules", "topic"))
    assert reader.read(encoded(text, *tags)).filters == Filters(author="Hinton")
    fact = reader.read(encoded(text, *tags, kind="fact"))
    assert (fact.filters, fact.unapplied) == (Filters(), (Unapplied("Hinton", "author", "unknown"),))


def test_alternatives_are_not_applied_in_part(reader: QuestionReader) -> None:
    query = reader.read(encoded("papers by Quill or Tanaka", ("Quill", "author"), ("Tanaka", "author")))
    assert not query.filters
    assert [each.reason for each in query.unapplied] == ["several", "several"]
    venues = reader.read(encoded("papers at ICML or at Nature", ("ICML", "venue"), ("Nature", "venue")))
    assert [(each.text, each.reason) for each in venues.unapplied] == [("ICML", "several"), ("Nature", "several")]
    assert not venues.filters


def test_two_names_of_one_venue_are_one(reader: QuestionReader) -> None:
    query = reader.read(encoded("papers at NeurIPS or NIPS", ("NeurIPS", "venue"), ("NIPS", "venue")))
    assert (query.kind, query.filters, query.unapplied) == ("metadata", Filters(venue="NeurIPS"), ())


def test_venue_that_was_taken_for_an_organisation_is_applied(reader: QuestionReader) -> None:
    query = reader.read(encoded("papers from ICML", ("ICML", "organisation"), kind="metadata"))
    assert (query.filters, query.unapplied) == (Filters(venue="ICML"), ())


def test_question_with_an_author_of_the_library_is_about_papers(reader: QuestionReader) -> None:
    query = reader.read(encoded("papers by Osei", kind="off-topic"))
    assert (query.kind, query.filters) == ("metadata", Filters(author="Osei"))
    assert reader.read(encoded("songs by Bowie", kind="off-topic")).kind == "off-topic"


def test_records_do_not_list_every_paper_for_what_is_not_applied(reader: QuestionReader) -> None:
    query = reader.read(encoded("papers from OpenAI", ("OpenAI", "organisation"), kind="metadata"))
    assert (query.kind, query.subjects, query.is_unapplied, len(query.unapplied)) == ("metadata", ("OpenAI",), False, 1)
    for tags in ((("most cited", "order"),), (("most cited", "order"), ("5", "count"))):
        query = reader.read(encoded("the 5 most cited papers", *tags, kind="metadata"))
        assert (query.kind, query.is_unapplied) == ("metadata", True)
    tags = (("newest", "order"), ("OpenAI", "organisation"))
    query = reader.read(encoded("the newest papers from OpenAI", *tags, kind="metadata"))
    assert (query.kind, query.order, query.is_unapplied, len(query.unapplied)) == ("metadata", "newest", False, 1)


def test_what_is_less_likely_than_not_is_unsure(reader: QuestionReader) -> None:
    query = reader.read(encoded("caches in 2024", ("2024", "date"), ("caches", "topic"), kind="fact", probability=0.4))
    assert (query.kind, query.unsure, query.filters) == ("list", ("kind",), Filters())
    assert query.unapplied == (Unapplied("2024", "date", "unsure"),)


def test_topic_alone_asks_for_one_paper_only_where_it_is_a_short_title(reader: QuestionReader) -> None:
    fish = reader.read(encoded("caches of small fish", ("caches of small fish", "topic"), kind="lookup"))
    assert (fish.kind, fish.unsure) == ("list", ("kind",))
    pebble = reader.read(encoded("Peble", ("Peble", "topic"), kind="lookup"))
    assert (pebble.kind, pebble.unsure) == ("lookup", ())
    paper = reader.read(encoded("the paper on small fish", ("small fish", "topic"), kind="lookup"))
    assert (paper.kind, paper.unsure) == ("lookup", ())


def test_records_answer_what_has_no_topic_but_titles(reader: QuestionReader) -> None:
    pebble = encoded("when did Pebble appear", ("Pebble", "topic"), kind="metadata")
    assert (reader.read(pebble).kind, reader.read(pebble).subjects) == ("metadata", ("Pebble",))
    fish = reader.read(encoded("how many papers on fish", ("fish", "topic"), kind="metadata"))
    assert (fish.kind, fish.by_topic, fish.count) == ("metadata", True, None)
    assert reader.read(encoded("who wrote the paper on fish", ("fish", "topic"), kind="metadata")).count == 1
    assert reader.read(encoded("papers from 2024", ("2024", "date"))).kind == "metadata"


def test_question_that_counts_papers_names_none_of_them(reader: QuestionReader) -> None:
    query = reader.read(encoded("how many papers use Pebble?", ("Pebble", "topic"), kind="metadata"))
    assert (query.tally, query.by_topic, query.text) == ("papers", True, "Which papers use Pebble?")
    assert query.subjects == ("Pebble",)
    compared = encoded(
        "how many papers compare Pebble with Reef?", ("Pebble", "side"), ("Reef", "side"), kind="compare"
    )
    assert (reader.read(compared).kind, reader.read(compared).tally) == ("metadata", "papers")
    most = encoded("which year was the most productive?", ("most productive", "topic"), kind="metadata")
    assert (reader.read(most).tally, reader.read(most).by_topic, reader.read(most).count) == ("year", False, 1)
    assert reader.read(encoded("how many papers on fish from 2024", ("fish", "topic"), ("2024", "date"))).filters


@pytest.mark.parametrize(
    ("question", "topic", "subjects"),
    [
        ("who wrote Marble?", "Marble", ("Marble",)),
        ("who wrote the Marble paper?", "the Marble paper", ("Marble",)),
        ("when was Attention Is All You Need published?", "Attention Is All You Need", ("Attention Is All You Need",)),
        ("who wrote about RLHF?", "RLHF", ()),
        ("who wrote papers on RLHF?", "RLHF", ()),
        ("who wrote Bayesian optimization?", "Bayesian optimization", ()),
    ],
)
def test_record_of_one_paper_is_asked_for_by_its_name_though_no_paper_has_it(
    reader: QuestionReader, question: str, topic: str, subjects: tuple[str, ...]
) -> None:
    query = reader.read(encoded(question, (topic, "topic"), kind="metadata"))
    assert (query.kind, query.subjects, query.by_topic) == ("metadata", subjects, not subjects)


@pytest.mark.parametrize(
    ("question", "tags", "venue"),
    [
        ("papers in the journal Cancer", (("journal", "venue"), ("Cancer", "venue")), "Cancer"),
        ("papers in the journal Fish and Fisheries 2019", (("journal", "venue"),), "Fish and Fisheries 2019"),
        ("papers in the Malaria Journal", (("Malaria", "topic"), ("Journal", "venue")), "Malaria Journal"),
        ("papers in a journal", (("journal", "venue"),), "journal"),
    ],
)
def test_journal_is_applied_by_its_name(
    reader: QuestionReader, question: str, tags: tuple[tuple[str, str], ...], venue: str
) -> None:
    query = reader.read(encoded(question, *tags, kind="metadata"))
    assert (query.filters, query.by_topic, query.unapplied) == (Filters(venue=venue), False, ())


def test_word_in_lower_case_that_no_author_is_called_is_a_topic(reader: QuestionReader) -> None:
    birds = reader.read(encoded("Which papers study hoatzins?", ("hoatzins", "author")))
    assert (birds.kind, birds.filters) == ("list", Filters())
    for question in ("papers by hinton", "papers hinton wrote", "what did hinton write"):
        assert reader.read(encoded(question, ("hinton", "author"))).filters == Filters(author="hinton")
    assert reader.read(encoded("which papers praise quill", ("quill", "author"))).filters == Filters(author="quill")


def test_word_that_is_written_as_no_name_is_a_topic(reader: QuestionReader) -> None:
    query = reader.read(encoded("a table of MoE papers", ("MoE", "author"), kind="list"))
    assert (query.filters, query.text) == (Filters(), "a table of MoE papers")
    assert reader.read(encoded("papers by MoE", ("MoE", "author"), kind="metadata")).filters == Filters(author="MoE")


def test_no_record_says_why(reader: QuestionReader) -> None:
    query = reader.read(encoded("why was Pebble retracted?", ("Pebble", "topic"), kind="metadata"))
    assert query.kind == "fact"


@pytest.mark.parametrize(
    ("part", "tag", "excluded", "filters"),
    [
        ("no surveys", "exclusion", ("surveys",), Filters()),
        ("except those about vision", "exclusion", ("vision",), Filters()),
        ("but not the ones without code", "exclusion", (), Filters(code=True)),
        ("except papers with code", "exclusion", (), Filters(code=False)),
        ("other than Ada", "exclusion", ("Ada",), Filters()),
        ("other than Quill", "exclusion", (), Filters(not_author="Quill")),
        ("not by Ada", "exclusion", (), Filters(not_author="Ada")),
    ],
)
def test_topic_or_code_is_excluded(
    reader: QuestionReader, part: str, tag: str, excluded: tuple[str, ...], filters: Filters
) -> None:
    query = reader.read(encoded(f"papers on caches, {part}", ("caches", "topic"), (part, tag)))
    assert (query.excluded, query.filters, query.unapplied) == (excluded, filters, ())


@pytest.mark.parametrize(
    ("question", "searched"),
    [
        ("quantization without retraining", "quantization without retraining"),
        ("merge models without training", "merge models without training"),
        ("papers on caches without surveys", "caches"),
        ("papers on caches, without those on fish", "caches"),
    ],
)
def test_what_a_method_does_without_is_searched_for(
    encoder: Encoder, reader: QuestionReader, question: str, searched: str
) -> None:
    query = reader.read(encoder.encode_question(question))
    assert (query.text, bool(query.excluded)) == (searched, searched == "caches")


@pytest.mark.parametrize(
    ("question", "kind"),
    [("Write CUDA or Triton kernels", "list"), ("LoRA or full fine-tuning?", "compare"), ("GPTQ or AWQ", "compare")],
)
def test_comparison_has_two_sides(encoder: Encoder, reader: QuestionReader, question: str, kind: str) -> None:
    assert reader.read(encoder.encode_question(question)).kind == kind


@pytest.mark.parametrize(
    "question",
    ["2401.00001", "arXiv:2401.00001v2", "https://arxiv.org/abs/2401.00001", "what is 2401.00001 about?",
     "10.48550/arXiv.2401.00001"],
)  # fmt: skip
def test_arxiv_id_is_looked_up(encoder: Encoder, question: str) -> None:
    papers = {"2401.00001": Paper("2401.00001", "Small Caches", "Pebble prunes.")}
    query = QuestionReader(PaperStore.of(papers.values()), lambda: TODAY).read(encoder.encode_question(question))
    assert (query.kind, query.papers, query.fixed, query.unapplied) == ("lookup", ("2401.00001",), True, ())


def test_record_of_an_arxiv_id_is_looked_up(encoder: Encoder) -> None:
    papers = {"2401.00001": Paper("2401.00001", "Small Caches", "Pebble prunes.")}
    reader = QuestionReader(PaperStore.of(papers.values()), lambda: TODAY)
    for question in ("who wrote 2401.00001?", "arXiv:2401.00001 authors", "when was 2401.00001v2 published"):
        query = reader.read(encoder.encode_question(question))
        assert (query.kind, query.papers, query.fixed) == ("metadata", ("2401.00001",), True)


def test_records_of_which_nothing_is_asked_are_a_list(reader: QuestionReader) -> None:
    there = reader.read(encoded("does deep caching appear here?", ("deep caching", "topic"), kind="metadata"))
    assert (there.kind, there.by_topic, there.text) == ("list", False, "Which papers are about deep caching?")
    wrote = reader.read(encoded("who wrote on deep caching?", ("deep caching", "topic"), kind="metadata"))
    assert (wrote.kind, wrote.by_topic) == ("metadata", True)


def test_overview_of_what_a_paper_is_called_names_it(reader: QuestionReader) -> None:
    for name, subjects in (("Pebble", ("Pebble",)), ("caching", ())):
        query = reader.read(encoded(f"what is {name}?", (name, "topic"), kind="summary"))
        assert (query.kind, query.subjects) == ("summary", subjects)


def test_id_that_no_paper_has_is_said(encoder: Encoder, reader: QuestionReader) -> None:
    query = reader.read(encoder.encode_question("10.1145/3600006.3613165"))
    assert (query.kind, query.papers, query.fixed) == ("lookup", (), True)
    assert query.unapplied == (Unapplied("10.1145/3600006.3613165", "id", "unknown"),)


@pytest.mark.parametrize(
    ("text", "order"),
    [
        ("newest", "newest"), ("most recent first", "newest"), ("oldest first", "oldest"), ("by date", "oldest"),
        ("by date, descending", "newest"), ("from newest to oldest", "newest"), ("most cited", None), ("best", None),
        ("least recent first", "oldest"), ("most authors", "most authors"), ("fewest authors first", "fewest authors"),
        ("by number of authors", "most authors"), ("alphabetically", "title"), ("by conference", "venue"),
        ("from few to many authors", "fewest authors"), ("by relevance", None),
    ],
)  # fmt: skip
def test_order_is_one_that_the_records_have(text: str, order: str | None) -> None:
    assert read_order(text) == order


_PARTS = (
    ("since 2023", "date"), ("before 2024", "date"), ("about 2020", "date"), ("Ada Quill", "author"),
    ("Hinton", "author"), ("Tanaka and Quill", "author"), ("ICML", "venue"), ("Nature 567", "venue"),
    ("DeepMind", "organisation"), ("NASA", "organisation"), ("with code", "code"), ("two authors", "author count"),
    ("newest", "order"), ("most read", "order"), ("three", "count"), ("some", "count"), ("not from 2022", "exclusion"),
    ("no fish", "exclusion"), ("except by Quill", "exclusion"), ("except from DeepMind", "exclusion"),
    ("not at ICML", "exclusion"),
)  # fmt: skip


@pytest.mark.parametrize("kind", ["list", "fact"])
@pytest.mark.parametrize("first", _PARTS)
def test_every_stretch_is_applied_or_said_not_to_be(reader: QuestionReader, first: tuple[str, str], kind: str) -> None:
    for second in _PARTS:
        if first == second:
            continue
        text = f"caches, {first[0]}; {second[0]}."
        query = reader.read(encoded(text, ("caches", "topic"), first, second, kind=kind))
        for part, tag in (first, second):
            said = [each for each in query.unapplied if each.text in part]
            assert said or _holds(query, part, tag, kind), (text, query)
        assert all(paper_passes(query, paper) for paper in PAPERS.values() if query.admits(paper))


def _holds(query: Query, part: str, tag: str, kind: str) -> bool:
    """Return whether a query applies a stretch."""
    filters = query.filters
    return {
        "date": bool(filters.since or filters.until),
        "author": bool(filters.author),
        "venue": bool(filters.venue),
        "organisation": bool(filters.organisation),
        "code": filters.code is not None,
        "author count": bool(filters.least_authors),
        "order": query.order is not None,
        "count": query.count is not None or kind == "fact",
        "exclusion": bool(filters.not_date or filters.not_author or filters.not_venue or filters.not_organisation)
        or any(topic in part for topic in query.excluded),
    }[tag]


def paper_passes(query: Query, paper: Paper) -> bool:
    """Return whether a paper meets, one by one, the constraints that are shown."""
    from rag.query.overrides import filter_phrases

    shown = filter_phrases(query.filters)
    rest = query.filters
    for name in shown:
        rest = rest.without(name)
    return not rest and query.filters.admits(paper)


distinct = count()


@pytest.mark.parametrize("part", [*TRYING, "((("])
def test_reading_takes_linear_time(encoder: Encoder, reader: QuestionReader, part: str) -> None:
    def least(part: str, length: int) -> float:
        times: list[float] = []
        for _ in range(3):
            text = f"{next(distinct)} {part * length}"[:length]  # what was read before is remembered
            start = process_time()
            reader.read(encoder.encode_question(text))
            times.append(process_time() - start)
        return min(times)

    ordinary = least("which papers cut the memory of caches ", 1_000)
    assert least(part, 1_000) < 4 * ordinary  # in milliseconds, `python -m eval.training.encoder read` says
    assert least(part, 20_000) < 20 * ordinary


def test_named_papers_in_an_order_are_looked_up_in_the_records(reader: QuestionReader) -> None:
    query = reader.read(
        encoded("Pebble, Reef by date", ("Pebble", "topic"), ("Reef", "topic"), ("by date", "order"), kind="list")
    )
    assert (query.kind, query.subjects, query.order) == ("metadata", ("Pebble", "Reef"), "oldest")


def test_code_of_one_paper_is_asked_for_and_no_filter(reader: QuestionReader) -> None:
    query = reader.read(encoded("does Reef have code", ("Reef", "topic"), ("have code", "code"), kind="metadata"))
    assert (query.subjects, query.filters) == (("Reef",), Filters())


def test_author_who_is_written_surname_first_is_one(reader: QuestionReader) -> None:
    query = reader.read(encoded("papers by Quill, Ada et al.", ("Quill", "author"), ("Ada et al.", "author")))
    assert query.filters == Filters(author="Quill, Ada")
