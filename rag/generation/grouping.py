"""Groups of an answer's papers, each named by a phrase of their own.

Clusters by shared phrases (suffix tree clustering, Zamir and Etzioni, SIGIR 1998): a phrase is chosen for how many
papers it describes that no earlier one does, and for how rare it is in the library. The phrases are those of the titles
and the sentences that answer; one of a sentence has to end a noun phrase in a title near the question as well, since
titles are noun phrases nearly always. A paper has a phrase in its title, in these sentences, or in its abstract.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import groupby

from rag.answer import Group
from rag.index.bm25 import Bm25Index
from rag.retrieval.tallies import field_values
from rag.text.latex import latex_to_text
from rag.text.tokens import tokenize
from rag.types import Evidence, Paper, Query

OTHERS = "other"

_LEAST_PAPERS = 4  # with fewer, groups say no more than the papers themselves
_MOST_GROUPS = 5
_LONGEST = 3  # words of a name
_REMEMBERED = 4096  # texts whose phrases are kept
_COMMON = 0.2  # of the library's papers: a word that more of them have names no group
_IN_TITLE, _IN_EVIDENCE, _IN_ABSTRACT = 3.0, 2.0, 1.0
_PER_WORD = 1.25  # a phrase says more than one of its words
_MOST_OF_ALL = 0.6  # of the papers; a phrase that more of them have distinguishes none
_LEAST_GROUPED = 0.5  # of the papers; else the groups are no picture of the answer
_NOMINAL = re.compile(
    r"(?:tion|sion|ment|ing|ity|ance|ence|ism|ers?|ors?|ics|[^s]s)$|[A-Za-z][A-Z]"
)  # of nouns and names
_FUNCTION_WORDS = frozenset(
    "a about above after again against ain all am an and any are aren aren't as at be because been before being below"
    " between both but by can couldn couldn't d did didn didn't do does doesn doesn't doing don don't down during each"
    " few for from further had hadn hadn't has hasn hasn't have haven haven't having he her here hers herself him"
    " himself his how i if in into is isn isn't it it's its itself just ll m ma me mightn mightn't more most mustn"
    " mustn't my myself needn needn't no nor not now o of off on once only or other our ours ourselves out over own re"
    " s same shan shan't she she's should should've shouldn shouldn't so some such t than that that'll the their"
    " theirs them themselves then there these they this those through to too under until up ve very was wasn wasn't we"
    " were weren weren't what when where which while who whom why will with won won't wouldn wouldn't y you you'd"
    " you'll you're you've your yours yourself yourselves via without towards toward upon across among amid within"
    " along around behind beside besides beyond despite except like near onto per plus since unlike versus vs whether"
    " yet also need needs".split()
)  # NLTK's English stop words, and more prepositions and conjunctions
_GENERIC = frozenset(
    _stem
    for word in "ablation algorithm analysis application approach architecture benchmark case challenge code"
    " characterization comparison dataset deployment design efficiency empirical evaluation experiment exploration"
    " framework guide implementation improvement insight introduction investigation learning lesson library machine"
    " method methodology model network objective overview paper performance perspective pipeline practice problem"
    " programming research result review search setting solution strategy study survey system task technique theory"
    " tool toolkit training tutorial understanding use workflow".split()
    for _stem in tokenize(word)
)  # of heads of titles: what kind of work a paper is, which does not say what it is about
_DETERMINERS = frozenset("a an the this these that those its their your our my his her".split())
_WORD = re.compile(r"[^\W_]+(?:[-’'][^\W_]+)*")
_BREAK = re.compile(r"[^\w\s’'-]")

Phrase = tuple[str, ...]


def group_papers(
    query: Query, evidence: Sequence[Evidence], bm25: Bm25Index, papers: int, titles: Iterable[str] = ()
) -> tuple[Group, ...]:
    """Return up to five groups, the one with the best paper first, and last the others; none for fewer than 4 papers.

    Each paper is in one group. `papers` is the number of papers in the library, `titles` are those of papers near the
    question.
    """
    if len(evidence) < _LEAST_PAPERS:
        return ()
    asked = frozenset(form for stem in tokenize(query.asked) for form in (stem, stem.replace("-", "")))
    described = [_strengths(each) for each in evidence]
    near = {spelt.lower() for title in titles for spelt in _noun_phrases(title).values()}
    names = [_names(each, near) for each in evidence]
    candidates = _candidates(names, asked, bm25, papers)
    chosen: list[Phrase] = []
    while len(chosen) < _MOST_GROUPS:
        best = max(candidates, key=lambda phrase: _gain(phrase, chosen, described, candidates), default=None)
        if best is None or _gain(best, chosen, described, candidates) <= 0:
            break
        chosen.append(best)
    members: dict[Phrase, list[int]] = {phrase: [] for phrase in chosen}
    left = []
    for each, strengths in zip(evidence, described, strict=True):
        of_paper = [phrase for phrase in chosen if phrase in strengths]
        if of_paper:
            members[max(of_paper, key=lambda phrase: strengths[phrase] * candidates[phrase])].append(each.n)
        else:
            left.append(each.n)
    for phrase in [phrase for phrase, numbers in members.items() if len(numbers) < 2]:
        left += members.pop(phrase)
    if len(members) < 2 or len(left) > (1 - _LEAST_GROUPED) * len(evidence):
        return ()
    spelling = _spellings(members, names)
    groups = [Group(spelling[phrase], tuple(numbers)) for phrase, numbers in members.items()]
    return (*sorted(groups, key=lambda group: group.numbers), *([Group(OTHERS, tuple(sorted(left)))] if left else []))


def group_by_field(evidence: Sequence[Evidence], by: str) -> tuple[Group, ...]:
    """Return a group for each value of a field of the records, in the order of the papers; last those without one.

    `by` is "year", "venue", "organisation" or "code".
    """
    members: dict[str, list[int]] = {}
    names: dict[str, str] = {}
    for each in evidence:
        value = _value(each.paper, by)
        names.setdefault(value.casefold(), value)
        members.setdefault(value.casefold(), []).append(each.n)
    unknown = members.pop("", [])
    groups = [Group(names[key], tuple(numbers)) for key, numbers in members.items()]
    return (*groups, *([Group(f"no {by} recorded", tuple(unknown))] if unknown else []))


def _value(paper: Paper, by: str) -> str:
    """Return the value of a field as the name of a group, a venue without its year; "" where it is not recorded."""
    if by == "code":
        return "with code" if paper.code else ""
    return next(iter(field_values(paper, by)), "")


def title_phrases(title: str) -> set[str]:
    """Return the ends of a title's noun phrases in lower case, without those that only name a kind of work."""
    return {_lowered(spelt) for phrase, spelt in _noun_phrases(title).items() if phrase[-1] not in _GENERIC}


def _names(evidence: Evidence, near: Collection[str]) -> dict[Phrase, str]:
    """Return the phrases that a paper offers as names, as it writes them: its title's, and its quotes' in `near`."""
    quoted = _noun_phrases(" . ".join(quote.text for quote in evidence.quotes))
    own = {phrase: spelt for phrase, spelt in quoted.items() if spelt.lower() in near}
    return {**own, **_noun_phrases(evidence.paper.title)}


def _candidates(
    names: Iterable[Mapping[Phrase, str]], asked: frozenset[str], bm25: Bm25Index, papers: int
) -> dict[Phrase, float]:
    """Weigh the phrases that say more than the question: by their words' rarity, and their number."""
    found: dict[Phrase, float] = {}
    for each in names:
        for phrase, spelt in each.items():
            rarity = [math.log((papers + 1) / (bm25.document_frequency(word) + 1)) for word in phrase]
            common = math.log(1 / _COMMON)
            if len(phrase) == 1 and not _NOMINAL.search(spelt):
                continue
            if rarity[0] < common or _is_asked(phrase, asked) or _GENERIC.issuperset(phrase):
                continue
            found[phrase] = sum(rarity) / len(rarity) * _PER_WORD ** (len(phrase) - 1)
    return found


def _is_asked(phrase: Phrase, asked: frozenset[str]) -> bool:
    """Return whether the question has all words of a phrase, compounds also in one word or as all their parts."""
    return all(
        not asked.isdisjoint((stem, stem.replace("-", ""))) or ("-" in stem and asked.issuperset(tokenize(stem)[1:]))
        for stem in phrase
    )


def _gain(
    phrase: Phrase,
    chosen: Sequence[Phrase],
    described: Sequence[Mapping[Phrase, float]],
    weights: Mapping[Phrase, float],
) -> float:
    """Return how much better a phrase describes the papers than the chosen do; 0 for less than two new papers."""
    if any(set(phrase) & set(other) for other in chosen):
        return 0.0
    having = [strengths for strengths in described if phrase in strengths]
    new = [strengths[phrase] for strengths in having if not any(other in strengths for other in chosen)]
    if len(new) < 2 or len(having) > _MOST_OF_ALL * len(described):
        return 0.0
    return weights[phrase] * sum(new)


def _strengths(evidence: Evidence) -> dict[Phrase, float]:
    """Return how strongly each phrase of a paper describes what it answers."""
    paper = evidence.paper
    found: dict[Phrase, float] = {}
    quotes = " . ".join(quote.text for quote in evidence.quotes)
    found |= dict.fromkeys(_repeated_phrases(paper.abstract), _IN_ABSTRACT)
    found |= dict.fromkeys(_phrases(quotes), _IN_EVIDENCE)
    return found | dict.fromkeys(_phrases(paper.title), _IN_TITLE)


@lru_cache(_REMEMBERED)
def _noun_phrases(title: str) -> Mapping[Phrase, str]:
    """Return the ends of a title's noun phrases, up to three words each: the words before a function word or a mark.

    There the head of a phrase stands, a noun; a verb or an adjective alone does not, and what stands before an article
    is a verb. Each phrase comes as it is written.
    """
    found: dict[Phrase, str] = {}
    for part in _BREAK.split(latex_to_text(title)):
        run: list[str] = []
        for word in [*_WORD.findall(part), ""]:
            if _stem(word) and word.lower() not in _FUNCTION_WORDS:
                run.append(word)
                continue
            if word.lower() not in _DETERMINERS:
                ends = [run[-length:] for length in range(1, min(_LONGEST, len(run)) + 1)]
                found |= {tuple(map(_stem, end)): " ".join(end) for end in ends}
            run = []
    return found


@lru_cache(_REMEMBERED)
def _repeated_phrases(abstract: str) -> tuple[Phrase, ...]:
    return tuple(phrase for phrase, count in _phrases(abstract).items() if count > 1)


def _phrases(text: str) -> Counter[Phrase]:
    """Count the runs of up to three content words, as stems."""
    stems = [stem for part in _BREAK.split(latex_to_text(text)) for stem in (*map(_stem, _WORD.findall(part)), "")]
    found: list[Phrase] = []
    for are_content, run in groupby(stems, key=lambda stem: len(stem) > 1 and not stem.isdigit()):
        words = list(run) if are_content else []
        for length in range(1, min(_LONGEST, len(words)) + 1):
            found += zip(*(words[first:] for first in range(length)), strict=False)
    return Counter(found)


@lru_cache(maxsize=65536)
def _stem(word: str) -> str:
    """Return the stem of a word, of a compound that of the whole; "" for a stop word."""
    return next(iter(tokenize(word)), "")


def _spellings(phrases: Iterable[Phrase], names: Iterable[Mapping[Phrase, str]]) -> dict[Phrase, str]:
    """Return phrases as they are written most often, in lower case unless it is a name."""
    written: dict[Phrase, Counter[str]] = {phrase: Counter() for phrase in phrases}
    for each in names:
        for phrase, spelt in each.items():
            if phrase in written:
                written[phrase][_lowered(spelt)] += 1
    return {phrase: min(forms, key=lambda form: (-forms[form], form)) for phrase, forms in written.items()}


def _lowered(spelt: str) -> str:
    """Return words in lower case, except names and acronyms."""
    return re.sub(r"[^\W_]+", lambda part: part[0] if any(map(str.isupper, part[0][1:])) else part[0].lower(), spelt)
