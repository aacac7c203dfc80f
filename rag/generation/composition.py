"""What stands on top of an extractive answer: its point by the kind of question, its groups, its comparison."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace

from rag.answer import Cell, Comparison, EstimatedMissing, Group, Thing
from rag.generation.comparison import compare, what_it_is, with_cells, with_one_sentence
from rag.generation.extractive import completeness, heading, probably_missing
from rag.generation.forms import FORMS
from rag.generation.grouping import group_by_field, group_papers
from rag.generation.quotation import quoted
from rag.generation.records import record_sentence, records_sentence
from rag.generation.values import find_value
from rag.index.library import Library
from rag.query.names import paper_called
from rag.query.orders import ORDER_WORDS
from rag.query.overrides import describe_filters
from rag.retrieval.encoded_query import EncodedQuery
from rag.retrieval.passages import Span, abstract_sentences, sentence_scores
from rag.selection.things import name_pattern
from rag.text.display import display_line, format_count, format_list
from rag.text.rhetoric import sentence_roles
from rag.text.tokens import tokenize
from rag.types import Evidence, Paper, Query, Quote

_NO_PAPER = "no paper here introduces or tests it."
_DEFINES = re.compile(
    r"\s+(?:is|are|refers? to|means?|denotes?)\s+(?:an?|the|to|one of|techniques?|methods?)\b", re.IGNORECASE
)
_LONGEST_SUBJECT = 80  # characters before "is a"
_OF_SUBJECT = 0.6  # of the words of a definition's subject that are of the topic
_OF_TOPIC = 0.5  # of the words of the topic that a definition's subject has


@dataclass(frozen=True, slots=True)
class Composition:
    """The point, groups and comparison of an answer, and its evidence with the quotes that they add."""

    evidence: tuple[Evidence, ...] = ()
    point: str = ""
    groups: tuple[Group, ...] = ()
    comparison: Comparison | None = None


class Composer:
    """Composes the tops of answers about one library."""

    def __init__(self, library: Library) -> None:
        self._library = library

    def compose(
        self,
        query: Query,
        evidence: tuple[Evidence, ...],
        encoded: EncodedQuery | None = None,
        things: Sequence[Thing] = (),
        tested: Collection[str] = (),
        missed: EstimatedMissing | None = None,
        found: Sequence[Paper] = (),
        belonging: int = 0,
    ) -> Composition:
        """Compose the top of an answer; the records need no `encoded` question.

        `things` are those to compare, `tested` the names of those that no paper introduces, `found` all papers
        of the search, whose titles say which phrases name a group. `belonging` is how many of the papers that a
        question counts belong to its topic; the others mention what it names.
        """
        if not evidence or (query.action and query.action.name in FORMS):
            return Composition(evidence)
        if query.kind == "metadata" or encoded is None:
            if query.tally:
                return Composition(
                    evidence, _counted(query, len(evidence), len(self._library.papers), missed, belonging)
                )
            counted = query.action is not None and query.action.name == "count"
            one = len(evidence) == 1 and not counted
            return Composition(
                evidence, record_sentence(query, evidence[0]) if one else records_sentence(query, evidence)
            )
        if things:
            return self._comparison(evidence, encoded, things, tested)
        if query.action and query.action.name == "group" and query.action.by:
            evidence, groups = _in_groups(evidence, group_by_field(evidence, query.action.by))
            return Composition(evidence, _count(query, evidence, groups, missed), groups)
        if query.kind == "lookup" and query.papers and len(evidence) == 1:
            return _introduced(evidence[0])
        unquoted = query.kind == "fact" and not evidence[0].quotes
        if query.kind == "lookup" or unquoted or (query.papers and len(evidence) == 1 and query.kind != "fact"):
            return Composition(evidence, _looked_up(evidence[0]))
        if query.kind == "fact":
            return Composition(evidence, self._fact(query, evidence[0], encoded))
        evidence, groups = _in_groups(evidence, self._groups(query, evidence, found))
        if query.kind == "summary":
            defined = self._definition(query, evidence, encoded)
            if defined is not None:
                number, quote = defined
                evidence = tuple(_with_quote(each, quote) if each.n == number else each for each in evidence)
                paper = next(each.paper for each in evidence if each.n == number)
                said = f"{quoted(paper, [quote])} [{number}]"
                return Composition(evidence, f"{said}\n\n{_count(query, evidence, groups, missed)}", groups)
        return Composition(evidence, _count(query, evidence, groups, missed), groups)

    def _groups(self, query: Query, evidence: Sequence[Evidence], found: Sequence[Paper]) -> tuple[Group, ...]:
        """Return the groups of papers, unless they are in an order that the question asks for."""
        if query.order and not (query.action and query.action.name == "group"):
            return ()
        titles = [paper.title for paper in found]
        return group_papers(query, evidence, self._library.bm25, len(self._library.papers), titles)

    def _fact(self, query: Query, best: Evidence, encoded: EncodedQuery) -> str:
        """Return the sentence that has the value, with the value in bold; the best sentence where none has one."""
        value = find_value(query.asked, encoded, self._library, best.paper, best.quotes)
        scores = sentence_scores(
            self._library, encoded, best.paper, [(quote.start, quote.end) for quote in best.quotes]
        )
        order = sorted(range(len(scores)), key=lambda i: (-scores[i], i))
        having = [i for i in order if value and best.quotes[i].start <= value[0] < best.quotes[i].end]
        chosen = best.quotes[(having or order)[0]]
        return f"{quoted(best.paper, [chosen], value)} [{best.n}]"

    def _comparison(
        self,
        evidence: tuple[Evidence, ...],
        encoded: EncodedQuery,
        things: Sequence[Thing],
        tested: Collection[str],
    ) -> Composition:
        """Return a line for each thing, and the table of what their papers say."""

        def scores(paper: Paper, spans: Sequence[Span]) -> list[float]:
            return sentence_scores(self._library, encoded, paper, spans)

        by_number = {each.n: each for each in evidence}
        best: dict[str, Cell] = {}
        for thing in things:
            others = [each.name for each in things if each is not thing]
            cells = [Cell(n, quote) for n in thing.numbers for quote in by_number[n].quotes]
            sentences = [Cell(n, quote) for n in thing.numbers for quote in _reported(by_number[n].paper)]
            named = [each for each in sentences if thing.name not in tested or _names(thing.name, each.quote)]
            choice = [each for each in named if any(_names(other, each.quote) for other in others)]
            choice = choice or [each for each in cells if _names(thing.name, each.quote)]
            if not choice and thing.name in tested:
                choice = [Cell(n, quote) for n in thing.numbers for quote in _naming(thing.name, by_number[n].paper)]
            choice = choice or cells
            if choice:
                spans = [(by_number[each.n].paper, [(each.quote.start, each.quote.end)]) for each in choice]
                values = [scores(paper, span)[0] for paper, span in spans]
                best[thing.name] = choice[values.index(max(values))]
        comparison = compare(things, evidence, scores, tested, tuple(best.values()))
        lines = [f"- **{display_line(each.name)}**: {_NO_PAPER}" for each in things if each.name not in best]
        lines[:0] = [
            f"- {_bold(names)}{_only_tested([each for each in names if each in tested], names)}:"
            f" {quoted(by_number[cell.n].paper, [cell.quote])} [{cell.n}]"
            for names, cell in with_one_sentence(best.items())
        ]
        evidence = with_cells(evidence, (*best.values(), *comparison.cells))
        return Composition(evidence, "\n".join(lines), (), comparison)

    def _definition(
        self, query: Query, evidence: Sequence[Evidence], encoded: EncodedQuery
    ) -> tuple[int, Quote] | None:
        """Return the number of the paper and the sentence that says best what the topic is, if one does.

        What a paper is called by is what that paper introduces.
        """
        called = {paper_called(name, self._library.papers): name for name in query.subjects}
        for each in evidence:
            if each.paper.paper_id in called and (what := what_it_is(each.paper, called[each.paper.paper_id])):
                return each.n, what
        topic = frozenset(encoded.terms or tokenize(query.text))
        found = [(each, span) for each in evidence for span in _definitions(each.paper, topic)]
        if not found:
            return None
        scores = [sentence_scores(self._library, encoded, each.paper, [span])[0] for each, span in found]
        each, (start, end) = found[scores.index(max(scores))]
        return each.n, Quote(each.paper.abstract[start:end], start, end)


def _bold(names: Sequence[str]) -> str:
    return format_list([f"**{display_line(name)}**" for name in names])


def _only_tested(tested: Sequence[str], names: Sequence[str]) -> str:
    """Return in brackets which of some things no paper introduces; "" where there are none."""
    if not tested:
        return ""
    which = format_list(tested) if len(tested) < len(names) else "it" if len(names) == 1 else "them"
    return f" (no paper here introduces {display_line(which)})"


def _reported(paper: Paper) -> Iterator[Quote]:
    """Yield the sentences of a paper that say what it does or finds."""
    spans = abstract_sentences(paper)
    for (start, end), role in zip(spans, sentence_roles(paper.abstract, spans), strict=True):
        if role != "problem":
            yield Quote(paper.abstract[start:end], start, end)


def _naming(thing: str, paper: Paper) -> Iterator[Quote]:
    """Yield the sentences of a paper that name a thing."""
    for start, end in abstract_sentences(paper):
        quote = Quote(paper.abstract[start:end], start, end)
        if _names(thing, quote):
            yield quote


def _names(thing: str, quote: Quote) -> bool:
    """Return whether a sentence names a thing, and not only a variant of it, as "Pebble-2" is one of "Pebble"."""
    name = rf"(?<![\w-]){name_pattern(thing)}(?!\w|\+|-(?-i:[A-Z\d]))"
    return re.search(name, quote.text, re.IGNORECASE) is not None


def _definitions(paper: Paper, topic: frozenset[str]) -> Iterator[Span]:
    """Yield the sentences whose subject is the topic, and which say what it is."""
    for start, end in abstract_sentences(paper):
        match = _DEFINES.search(paper.abstract, start, min(end, start + _LONGEST_SUBJECT))
        if match is None:
            continue
        subject = frozenset(tokenize(paper.abstract[start : match.start()]))
        shared = len(subject & topic)
        if subject and shared >= _OF_SUBJECT * len(subject) and shared >= _OF_TOPIC * len(topic):
            yield start, end


def _in_groups(
    evidence: tuple[Evidence, ...], groups: tuple[Group, ...]
) -> tuple[tuple[Evidence, ...], tuple[Group, ...]]:
    """Put papers in the order of their groups, and renumber them."""
    if not groups:
        return evidence, ()
    by_number = {each.n: each for each in evidence}
    old = [n for group in groups for n in group.numbers]
    new = {n: i for i, n in enumerate(old, start=1)}
    return (
        tuple(replace(by_number[n], n=new[n]) for n in old),
        tuple(replace(group, numbers=tuple(new[n] for n in group.numbers)) for group in groups),
    )


def _with_quote(evidence: Evidence, quote: Quote) -> Evidence:
    if any(each.start <= quote.start < each.end for each in evidence.quotes):
        return evidence
    return replace(evidence, quotes=tuple(sorted((*evidence.quotes, quote), key=lambda each: each.start)))


def _looked_up(evidence: Evidence) -> str:
    title = heading(Query("", "lookup", ""), evidence)
    return f"{title}{quoted(evidence.paper, evidence.quotes[:1])} [{evidence.n}]"


def _introduced(evidence: Evidence) -> Composition:
    """Return the title of a paper that is asked about as a whole, and the sentence that says what it introduces."""
    what = what_it_is(evidence.paper, evidence.paper.title)
    first = replace(evidence, quotes=(what,)) if what else evidence
    return Composition((_with_quote(evidence, what) if what else evidence,), _looked_up(first))


def _counted(query: Query, counted: int, papers: int, missed: EstimatedMissing | None, belonging: int) -> str:
    """Return how many papers of a collection a question asks for, by their records or their abstracts."""
    constraints = f" {describe_filters(query.filters)}" if query.filters else ""
    if not query.by_topic:
        return f"{format_count(counted, 'paper')}{constraints}{f', of the {papers} here' * bool(constraints)}."
    belong = "belongs" if belonging == 1 else "belong"
    said = f"{format_count(belonging, 'paper')}{constraints}, of the {papers} here, probably {belong} by the abstracts"
    if counted > belonging:
        return f"{said}; {counted - belonging} more mention “{'” and “'.join(query.subjects)}”."
    return f"{said}; {probably_missing(missed)}." if missed else f"{said}."


def _count(query: Query, evidence: Sequence[Evidence], groups: Sequence[Group], missed: EstimatedMissing | None) -> str:
    """Return how many papers there are, how many may be missing, and the groups into which they fall."""
    more = query.action is not None and query.action.name == "more"
    estimated = missed if missed and (missed.most or not more) else None  # a notice says how many of these belong
    scores = [None if more else each.score for each in evidence]
    papers = completeness(scores, estimated) if estimated else format_count(len(evidence), "paper")
    papers = papers.removesuffix(".")
    if query.order and len(evidence) > 1:
        papers += f", {ORDER_WORDS[query.order]}"
    if not groups:
        return f"{papers}."
    return f"{papers}: {', '.join(f'{group.name} ({len(group.numbers)})' for group in groups)}."
