"""Links between papers: the names that a paper introduces, and where and how other papers use them.

A paper introduces a name before the colon of its title ("Pebble: Small Caches"), or in a sentence such as "we propose
Pebble, a cache". An acronym's expansion is found as by Schwartz and Hearst (Pacific Symposium on Biocomputing, 2003).
A use of a name is a link only where case, date and context say that it is that name.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

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
_MAX_KEY_LENGTH = 12  # words of a name, hyphens and points between them
_REMEMBERED = 4096  # names whose papers are remembered
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


@dataclass(frozen=True, slots=True, order=True)
class Introduction:
    """A name that a paper introduces, before the colon of its title or in its abstract."""

    paper_id: str
    name: str
    in_title: bool


class LinkedPapers(Protocol):
    """A collection of papers that finds them by the keys that `rag.index.derived` derives from them."""

    def __len__(self) -> int: ...

    def __getitem__(self, paper_id: str) -> Paper: ...

    def __contains__(self, paper_id: object) -> bool: ...

    def at(self, positions: Iterable[int]) -> list[Paper]:
        """Return the papers at some positions, in the order of these."""

    def papers_with(self, kind: str, key: str) -> NDArray[np.int64]:
        """Return the positions of the papers that have a name."""

    def papers_between(self, kind: str, first: str, last: str) -> NDArray[np.int64]:
        """Return the positions of the papers that have a name from `first` to `last`."""

    def keys_held(self, kind: str, keys: Iterable[str]) -> set[str]:
        """Return which of the names any paper has."""

    def uses_of(self, kind: str, words: Iterable[str]) -> dict[str, int]:
        """Return how many papers use each word; those that none uses are left out."""


@dataclass(frozen=True, slots=True)
class _Use:
    """A paper's use of a name: its offsets in the abstract, and whether the title has it, or a name made from it."""

    source: Paper
    introduction: Introduction
    spans: tuple[Span, ...]
    in_title: bool


class PaperLinks:
    """The links of one collection, each found when it is asked for, by looking up the names in a text."""

    def __init__(self, papers: LinkedPapers, papers_with_words: Callable[[str], Iterable[int]]) -> None:
        """`papers_with_words` returns the positions of papers that have all words of a text, in any inflection; of a
        name that very many have it need not return all."""
        self._papers = papers
        self._papers_with_words = papers_with_words
        self._introduced = lru_cache(_REMEMBERED)(self._introduced_as)
        self._is_ordinary = lru_cache(_REMEMBERED)(self._are_written_small)
        self._uses = lru_cache(_REMEMBERED)(self._uses_of)
        self._is_homonym = lru_cache(_REMEMBERED)(self._means_more)

    def of(self, paper_id: str) -> tuple[Link, ...]:
        """Return the links from a paper to those that introduce the names it uses, sorted by name."""
        if paper_id not in self._papers:
            return ()
        paper = self._papers[paper_id]
        names = {each: None for text in (paper.abstract, paper.title) for each, _ in self._named_in(text)}
        names |= dict.fromkeys(self._bases(paper))
        return tuple(
            _link(use)
            for each in sorted(names, key=lambda each: each.name)
            if (use := self._use(each, paper)) and self._is_link(use)
        )

    def to(self, paper_id: str) -> tuple[Link, ...]:
        """Return the links to a paper from those that use a name which it introduces, of each in corpus order."""
        named = introductions(self._papers[paper_id]) if paper_id in self._papers else ()
        return tuple(_link(use) for each in named if self._owner(each.name) == each for use in self._linked(each))

    def introduced_in(self, question: str) -> dict[int, str]:
        """Return the offsets of the names in a question that papers introduce, in order, with the papers' ids.

        A name that can hardly be another word may be in any case.
        """
        return {
            start: introduction.paper_id
            for start, end, introduction in sorted(
                (start, end, each) for each, spans in self._named_in(question) for start, end in spans
            )
            if not _is_ambiguous(introduction.name)
            or question[start:end] == introduction.name
            or self._is_use(introduction.name, question, start, end)
        }

    def _named_in(self, text: str) -> Iterator[tuple[Introduction, tuple[Span, ...]]]:
        """Yield the names in a text, in any case, that exactly one paper introduces, with their offsets."""
        words, plain = _key(text), _plain(text)
        runs = {words[i:j] for i in range(len(words)) for j in range(i + 1, min(i + _MAX_KEY_LENGTH, len(words)) + 1)}
        held = self._papers.keys_held("introduces", map(" ".join, runs))
        for key in sorted(held):
            if (each := self._introduced(key)[0]) and (spans := tuple(_occurrences(each.name, text, plain))):
                yield each, spans

    def _introduced_as(self, key: str) -> tuple[Introduction | None, frozenset[str]]:
        """Return which paper owns a name, if one does, and the ids of all that introduce it.

        Those that have it before the colon of their title come before those that have it in their abstract only.
        """
        papers = self._papers.at(self._papers.papers_with("introduces", key))
        claims = [each for paper in papers for each in introductions(paper) if name_key(each.name) == key]
        best = [each for each in claims if each.in_title] or claims
        owners = {each.paper_id for each in best}
        return best[0] if len(owners) == 1 else None, frozenset(each.paper_id for each in claims)

    def _owner(self, name: str) -> Introduction | None:
        return self._introduced(name_key(name))[0]

    def _bases(self, paper: Paper) -> Iterator[Introduction]:
        """Yield the names of which a title's name is made: "Pebble" of "Pebble-2" and "PebbleNet"."""
        name = title_name(paper) or ""
        for end in range(_NAMESAKE, len(name)):
            if _BEGINS_PART.match(name, end - 1) and (base := self._owner(name[:end])) and base.name == name[:end]:
                yield base

    def _linked(self, introduction: Introduction) -> Iterator[_Use]:
        return (use for use in self._uses(introduction) if self._is_link(use))

    def _uses_of(self, introduction: Introduction) -> tuple[_Use, ...]:
        """Return the uses of a name by papers that do not introduce it, in corpus order."""
        name = introduction.name
        made = self._papers.papers_between("title name", name, name + "\U0010ffff") if len(name) >= _NAMESAKE else ()
        positions = sorted({*map(int, self._papers_with_words(name)), *map(int, made)})
        return tuple(use for paper in self._papers.at(positions) if (use := self._use(introduction, paper)))

    def _means_more(self, introduction: Introduction) -> bool:
        """Return whether papers from before a name was introduced show that it means something else, too."""
        target = self._papers[introduction.paper_id]
        return any(_shows_homonym(use) for use in self._uses(introduction) if _is_before(use.source, target))

    def _use(self, introduction: Introduction, paper: Paper) -> _Use | None:
        """Return how a paper uses a name, None if it does not have it, or introduces it, too."""
        name = introduction.name
        if paper.paper_id in self._introduced(name_key(name))[1]:
            return None
        found, titled = (tuple(_occurrences(name, x, _plain(x))) for x in (paper.abstract, paper.title))
        made = _is_made_from(title_name(paper) or "", introduction)
        if not (found or titled or made):
            return None
        spans = tuple(span for span in found if self._is_use(name, paper.abstract, *span))
        return _Use(paper, introduction, spans, made or any(self._is_use(name, paper.title, *x) for x in titled))

    def _is_link(self, use: _Use) -> bool:
        """Return whether the name in a paper is that of the paper which introduces it."""
        target = self._papers[use.introduction.paper_id]
        if not (use.spans or use.in_title) or _is_before(use.source, target) or _is_spelt_otherwise(use, target):
            return False
        if self._is_homonym(use.introduction):
            return False
        name, source = use.introduction.name, use.source.abstract
        written = {source[start:end] for start, end in use.spans} <= {name}
        return (written and not _is_ambiguous(name)) or self._similarity.is_near(use.source, target, name)

    def _is_use(self, name: str, text: str, start: int, end: int) -> bool:
        """Return whether the case and the words around a part of a text are those of a name.

        A short name, or one that is made of words, has to be written as it is introduced. Such words are no use of it
        where a sentence begins, or beside other capitalized words, with which they may form another name.
        """
        written, ordinary = text[start:end], self._is_ordinary(_key(name))
        if written != name and (ordinary or _is_short(name) or not written[0].isupper()):
            return False
        if not ordinary or name.isupper() or not _is_wordlike(name):
            return True
        before, after = text[:start].split(), text[end:].split()
        beside = [*before[-1:], *after[:1]]
        begins = " " not in name and (not before or before[-1][-1] in ".?!:")
        return not begins and not any(each[0].isupper() and not each.isupper() for each in beside)

    def _are_written_small(self, key: Key) -> bool:
        """Return whether the collection also writes the words of a name in lower case."""
        return len(self._papers.uses_of("plain", key)) == len(set(key))

    @cached_property
    def _similarity(self) -> _Similarity:
        return _Similarity(self._papers)


class _Similarity:
    """How similar papers are by the words that they share, weighted by rarity (tf-idf with binary tf).

    Papers are compared with a sample of the collection, taken at equal distances.
    """

    def __init__(self, papers: LinkedPapers) -> None:
        self._papers = papers
        self._weights: dict[str, float] = {}
        sample = papers.at(range(0, len(papers), max(1, len(papers) // _SAMPLE)))
        held = {paper.paper_id: _folded(paper) for paper in sample}
        self._weigh(frozenset().union(*held.values()))
        self._sample = {paper_id: (words, self._norm(words)) for paper_id, words in held.items()}

    def is_near(self, paper: Paper, target: Paper, name: str) -> bool:
        """Return whether a paper is more similar to a target than to most others, by other words than a name."""
        own, known = _folded(paper) - set(_key(name)), _folded(target)
        self._weigh(known)
        least = self._shared(own, known, self._norm(known))
        others = [each for paper_id, each in self._sample.items() if paper_id not in (paper.paper_id, target.paper_id)]
        nearer = sum(self._shared(own, *each) < least for each in others)
        return nearer >= _NEARER * len(others)

    def _weigh(self, words: Collection[str]) -> None:
        new = [word for word in words if word not in self._weights]
        uses = self._papers.uses_of("folded", new)
        for word in new:
            count = uses.get(word, 0)
            self._weights[word] = math.log(len(self._papers) / count) ** 2 if count > 1 else 0.0

    def _norm(self, words: frozenset[str]) -> float:
        return math.sqrt(math.fsum(self._weights[word] for word in words)) or 1.0

    def _shared(self, words: frozenset[str], others: frozenset[str], norm: float) -> float:
        return math.fsum(self._weights[word] for word in words & others) / norm


def words_of(paper: Paper) -> frozenset[str]:
    """Return the words of a paper's title and abstract, as links compare them."""
    return frozenset(_WORD.findall(f"{paper.title} {paper.abstract}"))


def name_key(name: str) -> str:
    """Return a name's words, case-folded: in a text that has the name they follow one another."""
    return " ".join(_key(name))


def title_name(paper: Paper) -> str | None:
    """Return the name that a title begins with, "Pebble" of "Pebble: Small Caches", None if there is none."""
    match = _TITLE_HEAD.match(paper.title)
    return match[1] if match else None


def introductions(paper: Paper) -> tuple[Introduction, ...]:
    """Return the names that a paper introduces."""
    found: dict[str, bool] = {}
    if (match := _TITLE_HEAD.match(paper.title)) and _is_name(match[1]):
        name = match[1]
        # A title may begin with words that are no name: the abstract then does not have them as a name.
        if (is_identifier(name) and " " not in name) or _has_name(paper.abstract, name):
            found[name] = True
    title = frozenset(_key(paper.title))
    for name in _introduced_in_abstract(paper.abstract, words_of(paper)):
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
    found = [(match.end(), "compared_with") for match in _COMPARES.finditer(before)]
    found += [(match.end(), "builds_on") for match in _BUILDS.finditer(before)]
    last = max(found, default=(0, "mentions"))[1]
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


def _is_spelt_otherwise(use: _Use, target: Paper) -> bool:
    """Return whether an abstract spells a name out in other words than those of the paper that introduces it."""
    name, abstract = use.introduction.name, use.source.abstract
    bracketed = [start for start, _ in use.spans if abstract[start - 1 : start] == "("]
    spelt = [expansion(abstract[: start - 1], name) for start in bracketed]
    return any(long and not _folded(target).issuperset(_key(long)) for long in spelt)


def _is_made_from(name: str, base: Introduction) -> bool:
    """Return whether a name is made from one before the colon of a title: "Pebble-2" and "PebbleNet" from "Pebble"."""
    end = len(base.name)
    derived = _NAMESAKE <= end < len(name) and name.startswith(base.name) and base.in_title
    return derived and not _is_wordlike(base.name) and _BEGINS_PART.match(name, end - 1) is not None


def _link(use: _Use) -> Link:
    abstract = use.source.abstract
    found: list[tuple[Relation, Span]] = []
    for span in use.spans:
        sentence = _sentence_of(abstract, span)
        found.append((relation_at(abstract, sentence, span), sentence))
    if use.in_title:
        found.append(("builds_on", found[0][1] if found else (0, 0)))
    relation, (start, end) = min(found, key=lambda each: (_RELATIONS.index(each[0]), each[1]))
    return Link(use.source.paper_id, use.introduction.paper_id, use.introduction.name, relation, start, end)


def _folded(paper: Paper) -> frozenset[str]:
    return frozenset(map(str.casefold, words_of(paper)))


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
