"""An earlier turn as it was understood, and what it was about: one thing, several, a topic, papers."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rag.corpus.records import title_key
from rag.query.conversation.references import NO_PLURAL
from rag.query.understanding.mentions import PAPER, WORK
from rag.query.understanding.wording import search_text
from rag.text.identifiers import is_identifier
from rag.types import Kind

_LONGEST_NAME = 4  # words before a title's colon that are taken as a name
_LEAST_TITLE = 3  # words of a title that is searched for in an answer

_NAME = r"(?:[A-ZÀ-ÖØ-Þ]|(?<!\w)[a-z]{1,2}[A-Z])[\w.+-]*\w(?: (?=\S*[A-Z0-9])[A-Z0-9][\w.+-]*\w|\s\d(?!\w))*"
_START = r"^(?:[-*•>\s]|\d+[.)]\s)*(?:(?:yes|no|sure|indeed)\b[\s,.:;–—-]*)?"
_QUOTED = re.compile(rf"{_START}[“\"](?P<title>[^”\"\n]{{8,200}})[”\"]", re.IGNORECASE)
_NO_SUBJECT = frozenset(
    "it its this that these those they their he she we our you your i my the a an each there both all some many"
    " most few none no not nobody nothing yes one two three what which who how when where why in on at for with by"
    " from as if while since because although however also only more less another other such key here thanks".split()
)
_SUBJECT = re.compile(
    rf"{_START}(?P<name>{_NAME})(?=(?:\s+\([^)]*\))?(?:,|\s+(?:[a-z]+(?:[^\Wsui]s|ies)|is|was|does|did|has|had|can|could|will|and|also"
    r"|achieved?|[a-z]+ed)\b)|\s*[.:]|\s*$)"
)
_PRESENTED = re.compile(
    rf"\b(?:present|propose|introduce|develop|describe|call(?:ed)?|named?|offer|design|build)s?\s+(?:a\s+|an\s+|the\s+)?(?P<name>{_NAME})"
)
_ENTITY_ASKED = re.compile(
    rf"^(?:(?:and|but|so)\s+)?(?:which|who|is\s+there|are\s+there|has\s+any\w*|can|list|show|find|name|what\s+(?:{WORK}|system|method"
    r"|tool|benchmark|framework|model|optimi[sz]er)\w*\b|do\s+you\s+know|any|how\s+(?:can|could|do\s+people))\b",
    re.IGNORECASE,
)
_WHAT_IS = re.compile(
    r"^(?:(?:how|why|when|where)\s+)?(?:is|are|was|were|do|does|did|can|could|should)\s+(?:an?\s+|the\s+)?",
    re.IGNORECASE,
)
_DEFINED = re.compile(
    r"^(?:what\s+(?:is|are)|explain|describe|tell\s+me\s+(?:more\s+)?about)\s+(?:an?\s+)?(?P<thing>(?!the\b|known\b|it\b|there\b)[\w+.-]+(?:\s+(?!(?:do|does|mean|stand|take|cut|remove)\b)[\w+.-]+){0,3})\s*[?.]*$",
    re.IGNORECASE,
)
_OF_QUESTION = re.compile(rf"(?<=\s)(?P<name>{_NAME})")
_PAIR = re.compile(
    rf"(?P<x>{_NAME})(?:,\s+(?P<m>{_NAME}))?,?\s+(?:and|or|versus|vs\.?|to|with|from|than|beats?)\s+(?:the\s+)?(?P<y>{_NAME})"
)
_POSSESSED = re.compile(r"^its\s+", re.IGNORECASE)
_MANY = re.compile(
    r"^(?P<np>[^,.:;]{3,90}?)(?=[,.:;]|\s+(?:are|were|do|have|can|make|keep|help|limit|cost|need)\b)", re.IGNORECASE
)
_THING = re.compile(
    rf"\b(?P<noun>{PAPER}|surveys?|benchmarks?|systems?|methods?|optimi[sz]ers?|frameworks?|tools?|librar(?:y|ies)|data\s?sets?|models?"
    r"|compilers?|kernels?|architectures?|algorithms?|techniques?|approach(?:es)?|studies|study|works?)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class EarlierTurn:
    """An earlier turn: its standalone question and answer, the paper_ids cited and restricted to, and its kind."""

    question: str
    answer: str = ""
    cited: tuple[str, ...] = ()
    papers: tuple[str, ...] = ()
    kind: Kind | None = None


def call(title: str) -> str:
    """Return a short name for a title: the name before its colon, or the title in quotation marks."""
    head, colon, _ = title.partition(":")
    short = colon and len(head.split()) <= _LONGEST_NAME
    return " ".join((head if short else f"“{title}”").split())


def cited_in(answer: str, titles: Mapping[str, str]) -> tuple[str, ...]:
    """Return the paper_ids whose titles occur in an answer, in order of occurrence."""
    text = title_key(answer)
    found = []
    for paper_id, title in titles.items():
        key = title_key(title)
        if len(title.split()) >= _LEAST_TITLE and (place := text.find(key)) >= 0:
            found.append((place, -len(key), paper_id))
    return tuple(paper_id for _, _, paper_id in sorted(found))


def subject(said: EarlierTurn, titles: Mapping[str, str]) -> str | None:
    """Return the name of the one thing that a turn was about, from its question or answer; None if unknown."""
    if len(said.papers) == 1 and said.papers[0] in titles:
        return call(titles[said.papers[0]])
    if defined := _DEFINED.match(said.question):
        return defined["thing"]
    named = _named_in(said.question)
    if named and not _ENTITY_ASKED.match(said.question):
        return named
    first = titles.get(said.cited[0]) if said.cited else None
    spoken = _spoken_of(said.answer)
    quoting = said.answer.lstrip().startswith("- ")  # an extractive answer: its subjects are arbitrary
    if spoken and not (first and quoting) and (is_identifier(spoken) or not first):
        return spoken
    if first:
        return call(first)
    return spoken or named


def several(said: EarlierTurn) -> str | None:
    """Return the things that a turn was about, as in "LARS and LAMB"; None if it was about at most one."""
    pair = _PAIR.search(said.question[1:])
    if pair and not _ENTITY_ASKED.match(said.question):
        names = [pair["x"], pair["m"], pair["y"]]
        return " and ".join(name for name in names if name)
    answer = re.sub(_START, "", said.answer, flags=re.IGNORECASE)
    if begun := _PAIR.match(answer):
        return " and ".join(filter(None, (begun["x"], begun["m"], begun["y"])))
    quoting = said.answer.startswith("- ")  # an extractive answer: its subjects are arbitrary
    many = None if quoting or _subject_of(said.answer) else _MANY.match(answer)
    if (
        many
        and re.search(r"\band\b|[^\Wsui]s\b", many["np"])
        and answer.split()[0].lower() not in ("it", "this", "not")
    ):
        owner = _named_in(said.question)
        return _POSSESSED.sub(f"{owner}'s " if owner else "", many["np"])
    return None


def pair_of(said: EarlierTurn) -> tuple[str, str] | None:
    """Return the pair of names in a turn's question or, failing that, in its answer; None if there is none."""
    for text in (said.question[:1].lower() + said.question[1:], said.answer):
        if (match := _PAIR.search(text)) and not match["m"]:
            return match["x"], match["y"]
    return None


def topic(said: EarlierTurn) -> str:
    """Return the topic that a turn's question searched for, as it was worded."""
    question = said.question.strip().rstrip("?!. ")
    return _WHAT_IS.sub("", search_text(question, "list")) or question


def thing(said: EarlierTurn) -> str:
    """Return the kind of thing that a turn asked for, in the singular: "survey", "benchmark"; by default "paper"."""
    match = _THING.search(said.question)
    if not match:
        return "paper"
    noun = match["noun"].lower()
    return re.sub(r"ies$", "y", noun) if noun.endswith("ies") else re.sub(r"(?<=ch)es$|(?<!s)s$", "", noun)


def things(said: EarlierTurn) -> str:
    """Return the plural in a turn's question, such as "Java programs"; by default `thing` in the plural."""
    asked = re.sub(r"^(?:which|what|who)\s+\w+\s+\w+s\b", "", said.question, flags=re.IGNORECASE)
    match = re.search(r"\b(?:[A-Z]\w*\s+)?[a-z]{3,}[^\Wsui]s\b", asked)
    return match[0] if match and match[0] not in NO_PLURAL else f"{thing(said)}s"


def latest(turns: Sequence[EarlierTurn], least: int) -> tuple[str, ...]:
    """Return the papers cited by the latest answer with at least `least` of them; empty if there is none."""
    return next((said.cited for said in reversed(turns) if len(said.cited) >= least), ())


def _spoken_of(answer: str) -> str | None:
    if quoted := _QUOTED.match(answer):
        return call(quoted["title"])
    if begun := _subject_of(answer):
        return begun
    presented = _PRESENTED.search(answer[:400])
    return presented["name"] if presented else None


def _subject_of(answer: str) -> str | None:
    match = _SUBJECT.match(answer)
    return match["name"] if match and match["name"].split()[0].lower() not in _NO_SUBJECT else None


def _named_in(question: str) -> str | None:
    """Return the name that a question asks about: its first identifier or, failing that, its first capitalised name."""
    first = question.split(maxsplit=1)[0] if question.strip() else ""
    begins = "" if first[:1].isupper() and first[1:].islower() else "x "
    names = [match["name"] for match in _OF_QUESTION.finditer(begins + question)]
    return next(filter(is_identifier, names), names[0] if names else None)
