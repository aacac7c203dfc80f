"""A comparison side by side: a column for each thing, a row for each aspect that its papers' sentences cover."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from rag.answer import Aspect, Cell, Comparison, Thing
from rag.retrieval.passages import Span, abstract_sentences
from rag.selection.things import name_pattern
from rag.text.display import format_list
from rag.text.identifiers import find_identifiers
from rag.text.quantities import extract_quantities
from rag.text.rhetoric import Role, sentence_roles
from rag.types import Evidence, Paper, Quote

Scores = Callable[[Paper, Sequence[Span]], Sequence[float]]

WHAT, HOW, RESULT, SPEED, COST, SETTING = "What it is", "How it works", "Result", "Speed", "Cost", "Setting"
_COST = re.compile(
    r"\b(?:cost|memory|overhead|comput(?:e|ation)|flops|hours?|days?|seconds|storage|bandwidth|energy|power|cheap"
    r"|expensive|budget|gpus?)\w*",
    re.IGNORECASE,
)
_SPEED = re.compile(
    r"\b(?:fast(?:er|est)?|slow(?:er)?|quicker|speed\w*|accelerat\w*|throughput|latenc\w*)\b|-fold\b", re.IGNORECASE
)
_WHERE_CODE_IS = re.compile(
    r"\b(?:code|models?|data\w*|weights)\b[^.]*\b(?:available|released|open-?sourced|found)\b", re.IGNORECASE
)
_TRIED_ON = re.compile(
    r"\b(?:datasets?|data sets?|benchmarks?|tasks?|experiments?|evaluat\w+|tested?|models? (?:such as|including)|gpus?"
    r"|simulations?|corpus|corpora|real-world)\b",
    re.IGNORECASE,
)
_NAMES = 2  # that a sentence has at least which says on what something was tried


def compare(
    things: Sequence[Thing],
    evidence: Sequence[Evidence],
    scores: Scores,
    tested: Collection[str] = (),
    said: Collection[Cell] = (),
) -> Comparison:
    """Fill the table: for each thing and aspect the sentence of its papers that is most like the question.

    Of a thing in `tested`, which no paper introduces, only sentences that name it count. No sentence is in two rows,
    and those `said` before are in the table only where nothing else has their aspect. Rows without a sentence are left
    out.
    """
    by_number = {each.n: each for each in evidence}
    before = {(cell.n, cell.quote.start) for cell in said}
    columns = [
        _aspects(thing.name, [by_number[n] for n in thing.numbers], scores, before, thing.name in tested)
        for thing in things
    ]
    rows = [
        Aspect(name, tuple(column.get(name, ()) for column in columns))
        for name in (WHAT, HOW, RESULT, SPEED, COST, SETTING)
        if any(name in column for column in columns)
    ]
    return Comparison(tuple(things), tuple(rows))


def with_cells(evidence: Sequence[Evidence], cells: Iterable[Cell]) -> tuple[Evidence, ...]:
    """Add the sentences of cells to the quotes of their papers."""
    added: dict[int, dict[int, Quote]] = {each.n: {quote.start: quote for quote in each.quotes} for each in evidence}
    for cell in cells:
        added[cell.n].setdefault(cell.quote.start, cell.quote)
    return tuple(replace(each, quotes=tuple(quote for _, quote in sorted(added[each.n].items()))) for each in evidence)


def what_it_is(paper: Paper, name: str) -> Quote | None:
    """Return the sentence of a paper that introduces a thing or what its title names; None if it introduces nothing."""
    spans = abstract_sentences(paper)
    i = _what_it_is(paper.abstract, spans, sentence_roles(paper.abstract, spans), (name, paper.title.partition(":")[0]))
    return None if i is None else Quote(paper.abstract[slice(*spans[i])], *spans[i])


def with_one_sentence(said: Iterable[tuple[str, Cell]]) -> Iterator[tuple[list[str], Cell]]:
    """Yield each sentence that is said of things with the names of all of these."""
    names: dict[tuple[int, int], list[str]] = {}
    cells: dict[tuple[int, int], Cell] = {}
    for name, cell in said:
        key = cell.n, cell.quote.start
        names.setdefault(key, []).append(name)
        cells.setdefault(key, cell)
    return ((names[key], cell) for key, cell in cells.items())


def said_in(things: Sequence[Thing], row: Aspect) -> Iterator[tuple[str, Cell]]:
    """Yield the sentences of a row, each with the names of the things that it is said of."""
    said = [(thing.name, cell) for thing, cells in zip(things, row.cells, strict=True) for cell in cells]
    return ((format_list(names), cell) for names, cell in with_one_sentence(said))


def aspect_of(sentence: str, role: Role) -> str | None:
    """Return the aspect that a sentence with a rhetorical role is about; None for the problem and where the code is."""
    if role == "problem" or _WHERE_CODE_IS.search(sentence):
        return None
    if extract_quantities(sentence)[0] and (_SPEED.search(sentence) or _COST.search(sentence)):
        return SPEED if _SPEED.search(sentence) else COST
    if role == "contribution":
        return HOW
    if _TRIED_ON.search(sentence) and (
        len(find_identifiers(sentence)) >= _NAMES or (role == "result" and not _is_finding(sentence))
    ):
        return RESULT if _is_finding(sentence) else SETTING
    return {"method": HOW, "result": RESULT}[role]


def _is_finding(sentence: str) -> bool:
    return bool(
        re.search(
            r"\b(?:outperform|improv|achiev|surpass|exceed|better|best|superior|reduc|higher|lower|comparable|match|show|find"
            r"|demonstrat|prov|state-of-the-art|competitive|consistent)\w*",
            sentence,
            re.IGNORECASE,
        )
    )


def _aspects(
    thing: str, evidence: Sequence[Evidence], scores: Scores, before: Collection[tuple[int, int]], must_name: bool
) -> Mapping[str, tuple[Cell, ...]]:
    """Return the best sentence of each aspect in the papers of one thing, of those that name it if they must."""
    best: dict[str, tuple[tuple[bool, float], Cell]] = {}
    for each in evidence:
        abstract, spans = each.paper.abstract, abstract_sentences(each.paper)
        roles, values = sentence_roles(abstract, spans), scores(each.paper, spans)
        what = _what_it_is(abstract, spans, roles, (thing, each.paper.title.partition(":")[0]))
        for i, (start, end) in enumerate(spans):
            aspect = WHAT if i == what else aspect_of(abstract[start:end], roles[i])
            if aspect is None or (must_name and not _names(thing, abstract[start:end])):
                continue
            value = ((each.n, start) not in before, values[i])
            if aspect not in best or value > best[aspect][0]:
                best[aspect] = (value, Cell(each.n, Quote(abstract[start:end], start, end, "supported")))
    return {aspect: (cell,) for aspect, (_, cell) in best.items()}


def _what_it_is(abstract: str, spans: Sequence[Span], roles: Sequence[Role], names: Sequence[str]) -> int | None:
    """Return the index of the first contribution that has one of the names, else of the first; None without any."""
    contributions = [i for i, role in enumerate(roles) if role == "contribution"]
    naming = [i for i in contributions if any(_names(name, abstract[slice(*spans[i])]) for name in names)]
    return next(iter([*naming, *contributions]), None)


def _names(thing: str, sentence: str) -> bool:
    return re.search(name_pattern(thing), sentence, re.IGNORECASE) is not None
