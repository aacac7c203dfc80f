"""Links between papers: the names that a paper introduces, and where and how other papers use them.

A paper introduces a name before the colon of its title ("Pebble: Small Caches"), or in a sentence such as "we propose
Pebble, a cache". An acronym's expansion is found as by Schwartz and Hearst (Pacific Symposium on Biocomputing, 2003).
A use of a name is a link only where case, date and context say that it is that name.
"""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from typing import Literal

from rag.text.identifiers import is_identifier
from rag.text.sentences import sentence_spans
from rag.types import Paper

Relation = Literal["builds_on", "compared_with", "mentions"]
Span = tuple[int, int]
Key = tuple[str, ...]

_RELATIONS: tuple[Relation, ...] = ("builds_on", "compared_with", "mentions")  # the first of several that hold
_SHORT = 5  # letters up to which a name is likely to have several meanings
_NAMESAKE = 4  # letters from which a name that begins with another is taken for derived from it
_CLAUSE = 240  # characters of an introducing sentence that are read
_SAMPLE = 100  # papers with which the similarity of two is compared
_NEARER = 0.9  # share of them that has to be less similar, for a name that may mean something else
_BEFORE_VERB = 80  # characters between an introducing verb and its subject

_WORD = re.compile(r"[^\W_][\w²]*")
_NAME = r"[^\W_][\w+*²]*(?:(?:[-/.]|\^\{?)[\w+*²]+\}?)*"
_NAMES = rf"{_NAME}(?: {_NAME}){{0,2}}"
_TITLE_HEAD = re.compile(rf"\s*({_NAMES})(?:\(\))?\s*(?::|\s[-–—]{{1,3}}\s)\s*\S")
_VERBS = frozenset(
    f"{stem}{ending}"
    for stems, endings in (
        (
            "propos introduc releas creat devis curat open-sourc describ contribut compil",
            "e es ed ing",
        ),
        ("present develop construct design discover collect contribut build", " s ed ing"),
    )
    for stem in stems.split()
    for ending in endings.split(" ")
)
_SUBJECT = re.compile(
    r"\b(?:we|us|here|and|then|(?:this|the|our)\s(?:[a-z]+\s)?(?:paper|work|article|report|study|thesis|method"
    r"|approach|framework|search|algorithm))\b[^.;]*\Z",
    re.IGNORECASE,
)
_OBJECT = re.compile(rf"\s(?P<lead>(?:(?:the|an?|our)\s)?(?:[a-z][\w-]*\s){{0,6}}?)[\"'“`]*(?P<name>{_NAMES})")
_AFTER_OBJECT = re.compile(r"[\"'”’`]*(?:\s*[,(:;.\[—–]|\s--|\s-\s|\s(?:an?|that|which|where)\b|\s*\Z)")
_APPOSITION = re.compile(
    rf"\s(?P<lead>(?:an?|the|our)\s[^,():;.]{{1,160}}?)(?:,|\s--?|\s?[—–])\s*[\"'“`]*(?P<name>{_NAMES})"
)
_AFTER_APPOSITION = re.compile(r"[\"'”’`]*(?:,(?!\s(?:and|or)\b)|\s*[(:;.]|\s--|\s?[—–]|\s(?:that|which|to)\b|\s*\Z)")
_NAMING = frozenset(
    "called named dubbed termed coined titled nicknamed namely as call name dub term coin title".split()
)
_OURS = re.compile(
    r"\b(?:[Ww]e\s(?:call|name|dub|term|coin|title)(?:\s(?:it|this|these|the|our)\b(?:\s[a-z-]+){0,3})?"
    r"|[Ww]e\srefer\sto(?:\s[a-z-]+){1,4}\sas)\s[\"'“`]*"
)
_CALLED = re.compile(
    r"\b(?:called|named|dubbed|termed|coined|titled|nicknamed|namely|denoted\sas|referred\sto\sas)\s[\"'“`]*"
)
_CALLED_NAME = re.compile(rf"(?P<name>{_NAMES})")
_AFTER_CALLED = re.compile(r"[\"'”’`]*(?:\s*[,(:;.)—–]|\s--|\s[a-z]|\s*\Z)")
_BRACKETED = re.compile(rf"\(({_NAME})[),;:]")
_PREPOSITION = re.compile(
    r"\b(?:about|across|as|at|by|for|from|how|in|into|of|on|over|that|to|under|using|via|where|with)\b"
)
_BEGINS_PART = re.compile(r"[a-z\d][A-Z]|[A-Za-z][\d+ -]")
_SENTENCE_END = re.compile(r"[.?!;](?:\s|\Z)")
_PLURAL = re.compile(r"[A-Z\d-]{2,}s")

_ENDS_NAME = re.compile(
    # "LoRA-based" and "Llama-7B" name LoRA and Llama; "Adam-mini" and "Llama 2" are other names.
    r"(?:-(?:aware|based|compatible|driven|enabled|free|generated|guided|inspired|level|like|only|optimized|powered"
    r"|specific|style|trained|tuned|type)|-\d+(?:\.\d+)?[BMK])?"
    r"(?![\w+*²^{]|[-/.][A-Za-z\d]|\s\d+(?:\.\d+)?\b)"
)
_COMPARES = re.compile(
    r"\b(?:compar\w+|outperform\w*|surpass\w*|exceed\w*|beat\w*|than|over|against|versus|vs|unlike|rival\w*"
    r"|match(?:es|ed|ing)?|superior|baselines?|on\spar|competitive|state-of-the-art|sota|contrast|existing"
    r"|counterparts?|alternatives?|prior|previous)\b",
    re.IGNORECASE,
)
_BUILDS = re.compile(
    r"\b(?:buil(?:d|ds|ding|t)\s(?:up)?on|bas(?:ed|es|is)\s(?:on|of)|extend\w*|extension|improv\w+\s(?:up)?on"
    r"|inspired\sby|combin\w+|integrat\w+|variants?|versions?|generali[sz]\w+|using|utili[sz]\w+|use[sd]?"
    r"|appl(?:y|ies|ied|ying)|adapt\w*|on\stop\sof|leverag\w+|adopt\w*|incorporat\w+|augment\w*|modif\w+"
    r"|analy[sz]\w+|demystify|enhanc\w+|accelerat\w+|atop|plug\w*|successors?)\b",
    re.IGNORECASE,
)
_BUILT = re.compile(r"-(?:based|driven|enabled|inspired|powered|style)\b")
_CLAUSE_BREAK = re.compile(r"[;:]\s|\s(?:--|—|–)\s?|,\s(?:while|whereas|but|which|where|and\s(?:we|it|our|is))\b")


@dataclass(frozen=True, slots=True)
class Link:
    """The use of a name that the paper `target_id` introduces by the paper `source_id`.

    `start` and `end` are the offsets of the sentence in the abstract of `source_id`; both are 0 where only its title
    has the name.
    """

    source_id: str
    target_id: str
    name: str
    relation: Relation
    start: int = 0
    end: int = 0


@dataclass(frozen=True, slots=True)
class Introduction:
    """A name that a paper introduces, before the colon of its title or in its abstract."""

    paper_id: str
    name: str
    in_title: bool


@dataclass(frozen=True, slots=True)
class _Use:
    """A paper's use of a name: its offsets in the abstract, and whether the title has it, or a name made from it."""

    source_id: str
    introduction: Introduction
    spans: tuple[Span, ...]
    in_title: bool


class PaperLinks:
    """The links of one collection, found when they are first asked for, in time linear in its papers."""

    def __init__(self, papers: Mapping[str, Paper]) -> None:
        self._papers = papers

    def of(self, paper_id: str) -> tuple[Link, ...]:
        """Return the links from a paper to those that introduce the names it uses."""
        return tuple(self._link(use) for use in self._uses if use.source_id == paper_id)

    def to(self, paper_id: str) -> tuple[Link, ...]:
        """Return the links to a paper from those that use a name which it introduces, in corpus order."""
        return tuple(self._link(use) for use in self._uses if use.introduction.paper_id == paper_id)

    def introduced_in(self, question: str) -> dict[int, str]:
        """Return the offsets of the names in a question that papers introduce, in order, with the papers' ids.

        A name that can hardly be another word may be in any case.
        """
        return dict(sorted(self._names.find_in_question(question)))

    @cached_property
    def _found(self) -> tuple[_Names, tuple[_Use, ...]]:
        words = {
            paper_id: frozenset(_WORD.findall(f"{paper.title} {paper.abstract}"))
            for paper_id, paper in self._papers.items()
        }
        names = _Names(self._papers, words)
        folded = {paper_id: frozenset(map(str.casefold, held)) for paper_id, held in words.items()}
        return names, tuple(names.uses(self._papers, folded))

    @property
    def _names(self) -> _Names:
        return self._found[0]

    @property
    def _uses(self) -> tuple[_Use, ...]:
        return self._found[1]

    def _link(self, use: _Use) -> Link:
        abstract = self._papers[use.source_id].abstract
        found: list[tuple[Relation, Span]] = []
        for span in use.spans:
            sentence = _sentence_of(abstract, span)
            found.append((relation_at(abstract, sentence, span), sentence))
        if use.in_title:
            found.append(("builds_on", found[0][1] if found else (0, 0)))
        relation, (start, end) = min(found, key=lambda each: (_RELATIONS.index(each[0]), each[1]))
        return Link(use.source_id, use.introduction.paper_id, use.introduction.name, relation, start, end)


class _Names:
    """The names that exactly one paper of a collection introduces."""

    def __init__(self, papers: Mapping[str, Paper], words: Mapping[str, frozenset[str]]) -> None:
        """Collect the names; `words` are those of each paper's title and abstract."""
        claims: dict[Key, list[Introduction]] = defaultdict(list)
        for paper_id, paper in papers.items():
            for each in introductions(paper, words[paper_id]):
                claims[_key(each.name)].append(each)
        self._claimants = {key: {each.paper_id for each in claimed} for key, claimed in claims.items()}
        self._by_first_word: dict[str, list[tuple[Key, Introduction]]] = defaultdict(list)
        self._by_name: dict[str, Introduction] = {}
        for key, claimed in claims.items():
            best = [each for each in claimed if each.in_title] or claimed
            if len({each.paper_id for each in best}) == 1:
                self._by_first_word[key[0]].append((key, best[0]))
                self._by_name[best[0].name] = best[0]
        parts = {part for key in claims for part in key}
        lowercase = (word for held in words.values() for word in held & parts)
        self._ordinary = frozenset(lowercase)  # words of names that the collection also writes in lower case

    def find_in_question(self, question: str) -> Iterator[tuple[int, str]]:
        """Yield the offset of each name in a question, with the id of the paper that introduces it."""
        for introduction, spans in self._occurrences(question, frozenset(_key(question))):
            name = introduction.name
            for start, end in spans:
                if not _is_ambiguous(name) or self._is_use(name, question, start, end) or question[start:end] == name:
                    yield start, introduction.paper_id

    def uses(self, papers: Mapping[str, Paper], words: Mapping[str, frozenset[str]]) -> Iterator[_Use]:
        """Yield the uses of names by other papers than those that introduce them; `words` are case-folded."""
        used: dict[Introduction, list[_Use]] = defaultdict(list)
        for paper_id, paper in papers.items():
            abstract, title = (dict(self._occurrences(x, words[paper_id])) for x in (paper.abstract, paper.title))
            for each in dict.fromkeys([*abstract, *title, *(namesakes := tuple(self._namesakes(paper)))]):
                if paper_id not in self._claimants[_key(each.name)]:
                    spans = tuple(x for x in abstract.get(each, ()) if self._is_use(each.name, paper.abstract, *x))
                    titled = any(self._is_use(each.name, paper.title, *x) for x in title.get(each, ()))
                    used[each].append(_Use(paper_id, each, spans, titled or each in namesakes))
        similarity = _Similarity(words)
        for introduction, uses in used.items():
            target = papers[introduction.paper_id]
            if any(_shows_homonym(use) for use in uses if _is_before(papers[use.source_id], target)):
                continue
            for use in uses:
                if _is_before(papers[use.source_id], target):
                    continue
                source = papers[use.source_id].abstract
                if (not use.spans and not use.in_title) or _is_spelt_otherwise(source, use, words[target.paper_id]):
                    continue
                written = {source[start:end] for start, end in use.spans} <= {introduction.name}
                certain = written and not _is_ambiguous(introduction.name)
                if certain or similarity.is_near(use.source_id, target.paper_id, introduction.name):
                    yield use

    def _occurrences(self, text: str, folded: frozenset[str]) -> Iterator[tuple[Introduction, tuple[Span, ...]]]:
        """Yield the names in a text, in any case, with their offsets."""
        plain = ""
        for word in folded & self._by_first_word.keys():
            for key, introduction in self._by_first_word[word]:
                if folded.issuperset(key):
                    plain = plain or _plain(text)
                    if spans := tuple(_occurrences(introduction.name, text, plain)):
                        yield introduction, spans

    def _namesakes(self, paper: Paper) -> Iterator[Introduction]:
        """Yield the names of which the name before a title's colon is made: "Pebble" of "Pebble-2" and "PebbleNet"."""
        head = _TITLE_HEAD.match(paper.title)
        name = head[1] if head else ""
        for end in range(_NAMESAKE, len(name)):
            base = self._by_name.get(name[:end])
            if base and base.in_title and not _is_wordlike(base.name) and _BEGINS_PART.match(name, end - 1):
                yield base

    def _is_use(self, name: str, text: str, start: int, end: int) -> bool:
        """Return whether the case and the words around a part of a text are those of a name.

        A short name, or one that is made of words, has to be written as it is introduced. Such words are no use of it
        where a sentence begins, or beside other capitalized words, with which they may form another name.
        """
        written, ordinary = text[start:end], self._ordinary.issuperset(_key(name))
        if written != name and (ordinary or _is_short(name) or not written[0].isupper()):
            return False
        if not ordinary or name.isupper() or not _is_wordlike(name):
            return True
        before, after = text[:start].split(), text[end:].split()
        beside = [*before[-1:], *after[:1]]
        begins = " " not in name and (not before or before[-1][-1] in ".?!:")
        return not begins and not any(each[0].isupper() and not each.isupper() for each in beside)


class _Similarity:
    """How similar papers are by the words that they share, weighted by rarity (tf-idf with binary tf)."""

    def __init__(self, words: Mapping[str, frozenset[str]]) -> None:
        """`words` are those of each paper, case-folded."""
        self._words = words
        counts = Counter(chain.from_iterable(words.values()))
        self._weight = {word: math.log(len(words) / count) ** 2 for word, count in counts.items() if count > 1}
        self._sample = tuple(words)[:: max(1, len(words) // _SAMPLE)]
        self._norms = {paper_id: self._norm(paper_id) for paper_id in self._sample}

    def is_near(self, paper_id: str, target_id: str, name: str) -> bool:
        """Return whether a paper is more similar to a target than to most others, by other words than a name."""
        own = self._words[paper_id] - set(_key(name))
        least = self._shared(own, target_id, self._norm(target_id))
        others = [other for other in self._sample if other not in (paper_id, target_id)]
        nearer = sum(self._shared(own, other, self._norms[other]) < least for other in others)
        return nearer >= _NEARER * len(others)

    def _norm(self, paper_id: str) -> float:
        return math.sqrt(sum(self._weight.get(word, 0.0) for word in self._words[paper_id])) or 1.0

    def _shared(self, words: frozenset[str], paper_id: str, norm: float) -> float:
        return sum(self._weight.get(word, 0.0) for word in words & self._words[paper_id]) / norm


def introductions(paper: Paper, words: Collection[str]) -> tuple[Introduction, ...]:
    """Return the names that a paper introduces; `words` are those of its title and abstract."""
    found: dict[str, bool] = {}
    if (match := _TITLE_HEAD.match(paper.title)) and _is_name(match[1]):
        name = match[1]
        # A title may begin with words that are no name: the abstract then does not have them as a name.
        if (is_identifier(name) and " " not in name) or _has_name(paper.abstract, name):
            found[name] = True
    title = frozenset(_key(paper.title))
    for name in _introduced_in_abstract(paper.abstract, words):
        # Words that are no part of the title are rather a concept than what the paper is about.
        if _is_name(name) and (" " not in name or title.issuperset(_key(name))):
            found.setdefault(name, False)
    return tuple(Introduction(paper.paper_id, name, in_title) for name, in_title in found.items())


def expansion(before: str, short: str) -> str | None:
    """Return the words at the end of a text that an acronym abbreviates, None if the text does not end in such words.

    Every letter is found in order, from the last on; the first begins a word.
    """
    letters = [letter for letter in short.lower() if letter.isalnum()]
    text = before.rstrip().lower()
    starts = [match.start() for match in re.finditer(r"\S+", text)][-min(len(letters) + 5, 2 * len(letters)) :]
    place = len(text)
    for number in range(len(letters) - 1, -1, -1):
        place = text.rfind(letters[number], starts[0] if starts else 0, place)
        while number == 0 and place > 0 and text[place - 1].isalnum():
            place = text.rfind(letters[0], starts[0], place)
        if place < 0:
            return None
    return before.rstrip()[place:]


def relation_at(abstract: str, sentence: Span, name: Span) -> Relation:
    """Return what a sentence does with a name: the last words before it in its clause that say so decide."""
    if _BUILT.match(abstract, name[1]):
        return "builds_on"
    before = _CLAUSE_BREAK.split(abstract[sentence[0] : name[0]])[-1]
    said = [(match.end(), "compared_with") for match in _COMPARES.finditer(before)]
    said += [(match.end(), "builds_on") for match in _BUILDS.finditer(before)]
    last = max(said, default=(0, "mentions"))[1]
    return next(relation for relation in _RELATIONS if relation == last)


def _introduced_in_abstract(abstract: str, words: Collection[str]) -> Iterator[str]:
    clauses = []
    for verb in _VERBS.intersection(words):
        for match in re.finditer(rf"\b{verb}\b", abstract):
            if _SUBJECT.search(abstract, max(0, match.start() - _BEFORE_VERB), match.start()):
                clauses.append((match.end(), _clause_end(abstract, match.end())))
    for start, end in sorted(clauses):
        yield from _introduced_in_clause(abstract[start:end])
    if not _NAMING.isdisjoint(words):
        called = [(match.end(), True) for match in _OURS.finditer(abstract)]
        called += [(match.end(), False) for match in _CALLED.finditer(abstract)]
        for place, ours in called:
            name = _name(_CALLED_NAME.match(abstract, place), _AFTER_CALLED)
            if name and (ours or any(start < place <= end for start, end in clauses)):
                yield name


def _introduced_in_clause(clause: str) -> Iterator[str]:
    """Yield the names of what a clause, from its verb on, introduces: "a cache, Pebble", "a small cache (SC)"."""
    match = _OBJECT.match(clause)
    if match and not _PREPOSITION.search(match["lead"]) and (name := _name(match, _AFTER_OBJECT)):
        yield name
    if name := _name(_APPOSITION.match(clause), _AFTER_APPOSITION):
        yield name
    if match := _BRACKETED.search(clause):
        before = clause[: match.start()].rstrip()
        long = expansion(before, match[1]) or ""
        lead = before.removesuffix(long)
        if not _is_ambiguous(match[1]) and not _PREPOSITION.search(lead) and "," not in lead:
            yield match[1]


def _name(match: re.Match[str] | None, after: re.Pattern[str]) -> str:
    """Return the capitalized words of a match's name; none unless what may come after a name follows them."""
    name = _capitalized(match["name"]) if match else ""
    return name if match and after.match(match.string, match.start("name") + len(name)) else ""


def _clause_end(text: str, start: int) -> int:
    end = _SENTENCE_END.search(text, start, start + _CLAUSE)
    return end.start() if end else min(len(text), start + _CLAUSE)


def _capitalized(words: str) -> str:
    """Return the words at the beginning of a text that have a capital, or letters and digits."""
    kept: list[str] = []
    for word in words.split(" "):
        if not (word[0].isupper() or is_identifier(word) or (kept and word.isdigit())):
            break
        kept.append(word)
    return " ".join(kept)


def _is_name(name: str) -> bool:
    """Return whether a text has the form of a name: at least two letters, not only small ones; not "GPUs"."""
    letters = sum(map(str.isalpha, name))
    return letters > 1 and (name[0].isupper() or is_identifier(name)) and not _PLURAL.fullmatch(name)


def _is_wordlike(name: str) -> bool:
    """Return whether a name is written like words or acronyms: "Lion", "COAT", "Low-Rank Adaptation"."""
    parts = re.split(r"[ -]", name)
    return all(part.isalpha() and (part.isupper() or not any(map(str.isupper, part[1:]))) for part in parts)


def _is_short(name: str) -> bool:
    return sum(map(str.isalnum, name)) <= _SHORT


def _is_ambiguous(name: str) -> bool:
    """Return whether a name may well mean something else in another paper."""
    return _is_wordlike(name) or _is_short(name)


def _shows_homonym(use: _Use) -> bool:
    """Return whether a use from before a name was introduced shows that it means something else, too."""
    name = use.introduction.name
    if use.introduction.in_title and not _is_ambiguous(name):
        return False
    return bool(use.spans) or use.in_title or len(_key(name)) > 1


def _is_spelt_otherwise(abstract: str, use: _Use, known: frozenset[str]) -> bool:
    """Return whether an abstract spells a name out in other words than those `known` to the paper that has it."""
    name = use.introduction.name
    bracketed = [start for start, _ in use.spans if abstract[start - 1 : start] == "("]
    spelt = [expansion(abstract[: start - 1], name) for start in bracketed]
    return any(long and not known.issuperset(_key(long)) for long in spelt)


def _has_name(text: str, name: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text) is not None


def _key(name: str) -> Key:
    return tuple(map(str.casefold, _WORD.findall(name)))


def _plain(text: str) -> str:
    """Return a text in lower case and without hyphens, every character in its place."""
    lower = text.lower()
    if len(lower) != len(text):
        lower = "".join(letter.lower() if len(letter.lower()) == 1 else letter for letter in text)
    return lower.replace("-", " ")


def _occurrences(name: str, text: str, plain: str) -> Iterator[Span]:
    """Yield where a text has a name, in any case, hyphens and spaces alike; `plain` is what `_plain` makes of it."""
    wanted = _plain(name)
    start = plain.find(wanted)
    while start >= 0:
        end = start + len(wanted)
        if not (start and (plain[start - 1].isalnum() or text[start - 1] in "-_")) and _ENDS_NAME.match(text, end):
            yield start, end
        start = plain.find(wanted, end)


def _is_before(paper: Paper, other: Paper) -> bool:
    """Return whether a paper is older than another, as precisely as both dates are known."""
    if paper.date is None or other.date is None:
        return False
    precision = min(len(paper.date), len(other.date))
    return paper.date[:precision] < other.date[:precision]


def _sentence_of(abstract: str, span: Span) -> Span:
    sentences = sentence_spans(abstract)
    return next(((start, end) for start, end in sentences if start <= span[0] < end), (0, len(abstract)))
