"""Gold questions drafted from the papers of a library, by templates over what their abstracts and records say.

A draft is a proposal: a person has to read it, since papers that a template does not find may answer it too.
"""

from __future__ import annotations

import math
import random
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from itertools import chain, islice, pairwise, zip_longest
from typing import Any

from eval.gold.questions import MAY, MUST, UNANSWERABLE
from rag.generation.grouping import title_phrases
from rag.text.display import display_line
from rag.text.identifiers import is_identifier
from rag.text.names import matches_author
from rag.text.quantities import extract_quantities
from rag.text.sentences import sentence_spans
from rag.text.tokens import tokenize
from rag.types import Paper

SHARES: Mapping[str, float] = {"fact": 0.3, "set": 0.25, "known-item": 0.1, "metadata": 0.1, UNANSWERABLE: 0.25}
"""The share of each type of question."""

COMBINED = "Which papers combine {} with {}?"
UNSTATED = "Which value does “{}” give here: “{}”?"
"""The templates of questions that nothing answers."""

_MIN_PAPERS, _MAX_PAPERS = 2, 12  # papers of a list, and of an answer from the records
_TITLE_SHARE = 0.6  # of a title's words, for what somebody remembers of it
_MIN_REMEMBERED = 3  # words
_VALUE = re.compile(r"(?<![\w.])\d[\d,.]*\d(?:\s?(?:\\?%|times\b|x\b|[a-z]+\b))?|(?<![\w.])\d+\s?(?:\\?%|times\b|x\b)")
_YEAR = re.compile(r"(?:19|20)\d\d\b")
_AROUND = 8  # words on either side of a value
_BLANK = "___"
_SHARED = 0.5  # of a sentence's terms, from which a paper may speak of the same thing


@dataclass(frozen=True, slots=True)
class Draft:
    """A question's record as a gold file has it, without its id; `passage` is the text that it was made from."""

    record: Mapping[str, Any]
    passage: str = ""


def draft_questions(papers: Sequence[Paper], topics: Mapping[str, int], count: int, seed: int = 0) -> tuple[Draft, ...]:
    """Draft up to `count` questions in the shares of SHARES, spread over the topics and years of the papers.

    `topics` maps paper_id to the number of a cluster. Deterministic. There are fewer where the papers give no more.
    """
    maker = _Maker(spread(papers, topics, seed), topics)
    made: list[Draft] = []
    for kind, number in _counts(count).items():
        distinct = {draft.record["question"]: draft for draft in islice(maker.drafts(kind), 2 * number)}
        made += [*distinct.values()][:number]
    return tuple(made)


def spread(papers: Sequence[Paper], topics: Mapping[str, int], seed: int) -> list[Paper]:
    """Order papers so that every beginning of the list is spread over topics, and within them over years."""
    chance = random.Random(seed)
    strata: dict[int, dict[int, list[Paper]]] = defaultdict(lambda: defaultdict(list))
    for paper in sorted(papers, key=lambda each: each.paper_id):
        strata[topics.get(paper.paper_id, -1)][paper.year or 0].append(paper)
    by_topic = []
    for topic in sorted(strata):
        years = list(strata[topic].values())
        for each in years:
            chance.shuffle(each)
        chance.shuffle(years)
        by_topic.append(_in_turn(years))
    chance.shuffle(by_topic)
    return _in_turn(by_topic)


def to_records(drafts: Iterable[Draft]) -> list[dict[str, Any]]:
    """Return the lines of a gold file."""
    return [{"id": f"D{number:03}", **draft.record, "drafted": True} for number, draft in enumerate(drafts, start=1)]


class _Maker:
    """Makes the drafts of each type from papers in their order."""

    def __init__(self, papers: Sequence[Paper], topics: Mapping[str, int]) -> None:
        self._papers = papers
        self._topics = topics
        self._terms = {each.paper_id: frozenset(tokenize(f"{each.title} {each.abstract}")) for each in papers}
        self._kinds: Mapping[str, Callable[[], Iterator[Draft]]] = {
            "fact": self._facts,
            "set": self._lists,
            "known-item": self._lookups,
            "metadata": self._records,
            UNANSWERABLE: self._unanswerable,
        }

    def drafts(self, kind: str) -> Iterator[Draft]:
        return self._kinds[kind]()

    def _facts(self) -> Iterator[Draft]:
        for paper in self._papers:
            if found := _stated_value(paper):
                clause, value, sentence = found
                question = f"Which value is missing here: “{clause}”?"
                yield self._draft("fact", question, {paper.paper_id: MUST}, sentence, paper.paper_id, [value])

    def _lists(self) -> Iterator[Draft]:
        known: set[frozenset[str]] = set()
        for phrase, first in self._phrases:
            grades = self._having(phrase)
            wanted = frozenset(paper_id for paper_id, grade in grades.items() if grade == MUST)
            if len(wanted) >= _MIN_PAPERS and len(grades) <= _MAX_PAPERS and wanted not in known:
                known.add(wanted)
                yield self._draft("set", f"Which papers are about {phrase}?", grades, first.title)

    def _lookups(self) -> Iterator[Draft]:
        for paper in self._papers:
            words = display_line(paper.title).split()
            kept = math.ceil(_TITLE_SHARE * len(words))
            if _MIN_REMEMBERED <= kept < len(words):
                question = f"I am looking for the paper “{' '.join(words[:kept])} …”"
                yield self._draft("known-item", question, {paper.paper_id: MUST}, paper.title)

    def _records(self) -> Iterator[Draft]:
        authors, months = self._of_authors(), self._of_months()
        for by_author, in_month in zip_longest(authors, months):
            yield from filter(None, (by_author, in_month))

    def _of_authors(self) -> Iterator[Draft]:
        counts = Counter(author for paper in self._papers for author in paper.authors)
        for author in sorted(counts, key=lambda name: -counts[name]):
            own = [each.paper_id for each in self._papers if any(matches_author(author, n) for n in each.authors)]
            if _MIN_PAPERS <= len(own) <= _MAX_PAPERS:
                yield self._draft("metadata", f"Papers by {display_line(author)}", dict.fromkeys(own, MUST))

    def _of_months(self) -> Iterator[Draft]:
        months: dict[str, list[str]] = defaultdict(list)
        for paper in self._papers:
            if paper.date and len(paper.date) >= len("2024-07"):
                months[paper.date[:7]].append(paper.paper_id)
        for month, own in months.items():
            if len(own) <= _MAX_PAPERS:
                name = date.fromisoformat(f"{month}-01").strftime("%B %Y")
                yield self._draft("metadata", f"Which papers are from {name}?", dict.fromkeys(own, MUST))

    def _unanswerable(self) -> Iterator[Draft]:
        joined, asked = self._never_together(), self._never_stated()
        yield from chain.from_iterable(filter(None, pair) for pair in zip_longest(joined, asked))

    def _never_together(self) -> Iterator[Draft]:
        """Yield questions for two topics of the library that no paper mentions together."""
        phrases = (phrase for phrase, _ in self._phrases if len(self._having(phrase)) >= _MIN_PAPERS)
        for one, other in pairwise(phrases):
            both = frozenset(tokenize(f"{one} {other}"))
            if not any(both <= terms for terms in self._terms.values()):
                yield self._draft(UNANSWERABLE, COMBINED.format(one, other), {})

    def _never_stated(self) -> Iterator[Draft]:
        """Yield questions that ask of one paper what another of its topic states, in words that name nothing."""
        before: dict[int, Paper] = {}
        for paper in self._papers:
            asked = before.get(topic := self._topics.get(paper.paper_id, -1))
            before[topic] = paper
            if asked is None or not (found := _stated_value(paper)):
                continue
            clause, _, sentence = found
            words = clause.replace(_BLANK, "").split()
            terms = frozenset(tokenize(" ".join(words)))
            shared = len(terms & self._terms[asked.paper_id])
            if shared < _SHARED * len(terms) and not any(map(is_identifier, words)):
                question = UNSTATED.format(display_line(asked.title), clause)
                yield self._draft(UNANSWERABLE, question, {}, sentence, near=[asked.title])

    @cached_property
    def _phrases(self) -> list[tuple[str, Paper]]:
        """Phrases of several words from titles, each with the first paper that has it, in the order of the papers."""
        found: dict[str, Paper] = {}
        for paper in self._papers:
            for phrase in sorted(title_phrases(paper.title)):
                if " " in phrase:
                    found.setdefault(phrase, paper)
        return list(found.items())

    def _having(self, phrase: str) -> dict[str, int]:
        """Grade the papers that have a phrase: in the title they must be in a list of it, elsewhere they may."""
        words = tokenize(phrase)
        grades = {}
        for paper in self._papers:
            if self._terms[paper.paper_id].issuperset(words):
                grades[paper.paper_id] = MUST if set(words) <= set(tokenize(paper.title)) else MAY
        return grades

    def _draft(
        self,
        kind: str,
        question: str,
        relevant: Mapping[str, int],
        passage: str = "",
        quoted: str | None = None,
        facts: Sequence[str] = (),
        near: Sequence[str] = (),
    ) -> Draft:
        titles = {each.paper_id: each.title for each in self._papers}
        record: dict[str, Any] = {
            "type": kind,
            "question": question,
            "relevant": [
                {"paper_id": paper_id, "title": titles[paper_id], "grade": grade}
                for paper_id, grade in relevant.items()
            ],
        }
        if quoted:
            record["evidence"] = [{"paper_id": quoted, "quote": passage}]
        for name, values in (("answer_facts", facts), ("near_miss", near)):
            if values:
                record[name] = list(values)
        return Draft(record, passage)


def _stated_value(paper: Paper) -> tuple[str, str, str] | None:
    """Return the words around the last value of an abstract, with a blank for it, the value and the sentence."""
    for start, end in reversed(sentence_spans(paper.abstract)):
        sentence = paper.abstract[start:end]
        values = [each for each in _VALUE.finditer(sentence) if not _YEAR.fullmatch(each[0])]
        values = [each for each in values if extract_quantities(each[0])[0][0].unit]
        if values:
            match = values[-1]
            before, after = sentence[: match.start()].split(" "), sentence[match.end() :].split(" ")
            clause = " ".join(before[-_AROUND - 1 :]) + _BLANK + " ".join(after[: _AROUND + 1])
            return display_line(clause), match[0].strip(), sentence.strip()
    return None


def _counts(count: int) -> dict[str, int]:
    """Divide a number of questions by their shares (largest remainder)."""
    exact = {kind: count * share for kind, share in SHARES.items()}
    found = {kind: int(value) for kind, value in exact.items()}
    for kind in sorted(exact, key=lambda each: found[each] - exact[each])[: count - sum(found.values())]:
        found[kind] += 1
    return found


def _in_turn(groups: Iterable[Sequence[Paper]]) -> list[Paper]:
    """Take the first of each group, then the second, and so on."""
    return [paper for round_ in zip_longest(*groups) for paper in round_ if paper is not None]
