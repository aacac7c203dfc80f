"""The verdict on one sentence against the papers that it cites: a cross-encoder, bounded by exact checks."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from rag.answer import SentenceVerdict
from rag.corpus.records import title_key
from rag.models.cross_encoder import CrossEncoder
from rag.text.citation_markers import MARKER, without_markers
from rag.text.normalize import normalize
from rag.text.tokens import tokenize
from rag.types import Paper, Quote, Verdict
from rag.verification.about_answer import is_about_answer
from rag.verification.clauses import split_cells, split_clauses
from rag.verification.exact import missing_names, missing_numbers
from rag.verification.paper_text import PaperText, paper_text

_LEAST_TERMS = 2  # of something that can be true
_LIKELIER_THAN_NOT = 0.0  # logit
_DOUBTED = -5.0
"""Logit of support below which a verdict goes against a sentence.

The model takes many true paraphrases for contradictions. Of the 200 sentences of eval/gold/claims.jsonl it has a
verdict against 9 of 100 supported ones at -4.25, and 1 here; against 60 and 56 of the 100 that are not supported.
"""
_BEFORE = 300  # characters before a sentence with which it is read again
_SEVERAL = 1100  # characters of several papers read together, as in training (eval/training/cross_encoder/examples.py)
_OVERLAP = 1  # sentences shared by adjacent windows of a long abstract
_MARKUP = re.compile(r"\*\*|__|~~|`")
_HEADING = re.compile(r"^\W*\*\*(?P<title>[^*]+)\*\*(?:\s*\((?P<date>[^)]*)\))?\s*:\s*")
_CELL_SAYS = re.compile(r"\d|[^\W\d_]{2}.*[^\W\d_]{2}.*[^\W\d_]")
_STATED = re.compile(r"[.!?]\W*$")
VERDICTS: Sequence[Verdict | None] = ("supported", None, "not_found", "contradicted")
"""Best first; None where the model is unsure."""
AGAINST: Sequence[SentenceVerdict | None] = ("not_found", "contradicted")


@dataclass(frozen=True, slots=True)
class JudgedPart:
    """A clause or cell of a sentence, `sentence[start:end]`, with the papers that it is checked against."""

    start: int
    end: int
    cited: tuple[int, ...]
    judgement: Judgement


@dataclass(frozen=True, slots=True)
class Judgement:
    """A sentence's verdict, what the papers lack of it, and the sentences it rests on, by paper number."""

    verdict: SentenceVerdict | None
    reason: str | None = None
    quotes: Mapping[int, tuple[Quote, ...]] = field(default_factory=dict)
    parts: tuple[JudgedPart, ...] = ()


@dataclass(frozen=True, slots=True)
class _Scores:
    """How far a text supports and contradicts a claim, in logits."""

    supports: float
    contradicts: float


@dataclass(frozen=True, slots=True)
class _Reading:
    """One paper read with a claim; `evidence` says how much each of its sentences carries the verdict."""

    text: PaperText
    scores: _Scores
    evidence: tuple[float, ...]

    @property
    def best(self) -> int:
        """The sentence on which the verdict rests."""
        return int(np.argmax(self.evidence))


class SentenceJudge:
    """Judges sentences one by one, without state."""

    def __init__(self, cross_encoder: CrossEncoder) -> None:
        self._cross_encoder = cross_encoder
        self._supported = float(np.asarray(cross_encoder.cuts["supports_cut"]))

    def judge(self, sentence: str, cited: Mapping[int, Paper], question: str = "", before: str = "") -> Judgement:
        """Judge a sentence, with its markers and markup, against the papers that it cites, by number.

        Each clause is judged against the papers that it cites. `before` is the text before the sentence in its
        paragraph, of which it may speak.
        """
        heading = _heading_length(sentence, list(cited.values()))
        body = sentence[heading:]
        said = _plain(body)
        if not cited:
            return Judgement("about_answer" if is_about_answer(without_markers(said), question) else "uncited")
        if _names_only(said, cited):
            return Judgement("about_answer")
        own = frozenset((len(cited),))
        clauses = split_clauses(body)
        if len(clauses) == 1 or any(not set(clause.cited) & cited.keys() for clause in clauses):
            return self._clause(normalize(without_markers(said)), cited, own, plain_claim(before))
        parts = tuple(
            JudgedPart(
                heading + each.start,
                heading + each.end,
                each.cited,
                self._clause(
                    normalize(_plain(each.text)),
                    {n: cited[n] for n in each.cited if n in cited},
                    own,
                    plain_claim(before + body[: each.start]),
                ),
            )
            for each in clauses
        )
        return _of_parts(parts)

    def judge_uncited(self, sentence: str, papers: Mapping[int, Paper], question: str = "") -> Judgement:
        """Judge a sentence without a marker by the papers that its section cites, which it may sum up.

        It is supported where one of them, or all together, support it; it lacks a citation where the check doubts it or
        none of them has a number or name of it, other than its counts of them; else it has no verdict.
        """
        said = _plain(sentence)
        if is_about_answer(without_markers(said), question) or _names_only(said, papers):
            return Judgement("about_answer")
        if not papers:
            return Judgement("uncited")
        judged = self._clause(normalize(without_markers(said)), papers, frozenset(range(len(papers) + 1)))
        return judged if judged.verdict == "supported" else Judgement("uncited" if judged.verdict in AGAINST else None)

    def support(self, sentence: str, cited: Mapping[int, Paper]) -> float:
        """Return how far the best of some papers supports a whole sentence, in logits."""
        texts = [paper_text(paper) for paper in cited.values()]
        return max(each.scores.supports for each in self._read(plain_claim(sentence), texts))

    def judge_row(self, row: str, columns: Sequence[str], papers: Mapping[int, Paper]) -> Judgement:
        """Judge the cells of a table row, under the headings of their columns, against the papers that they cite.

        A cell without a marker rests on the papers of its row's label, else of its column's heading, else on the only
        paper of the row. A cell is no sentence: where it is not supported and no number or name of it is missing, it
        has no verdict.
        """
        spans = split_cells(row)
        cells = [row[start:end] for start, end in spans]
        label = cells[0] if cells else ""
        only = _numbers(row, papers) if len(_numbers(row, papers)) == 1 else ()
        parts = []
        for i, ((start, end), cell) in enumerate(zip(spans, cells, strict=True)):
            column = columns[i] if i < len(columns) else ""
            numbers = _numbers(cell, papers) or _numbers(label, papers) or _numbers(column, papers) or only
            said = without_markers(_plain(cell))
            if not numbers or not _CELL_SAYS.search(said) or (i == 0 and len(cells) > 1):
                continue
            about = [without_markers(_plain(each)) for each in (label, column) if each is not cell]
            judgement = self._cell(said, ": ".join(filter(None, (*about, said))), {n: papers[n] for n in numbers})
            parts.append(JudgedPart(start, end, numbers, judgement))
        return _of_parts(tuple(parts))

    def _cell(self, said: str, claim: str, cited: Mapping[int, Paper]) -> Judgement:
        judged = self._clause(normalize(claim), cited, frozenset((len(cited),)))
        reason = lacking(said, cited)
        if judged.verdict == "supported" and not reason:
            return judged
        return Judgement("not_found" if reason else None, reason, judged.quotes)

    def _clause(self, claim: str, cited: Mapping[int, Paper], own: Collection[int], before: str = "") -> Judgement:
        """Judge a clause: supported where one of its papers supports it whole, or all of them together do.

        A paper contradicts it only if it does so too where it is read after the text `before` it. `own` are the
        numbers that the sentence may have of its own, as it counts papers.
        """
        if len(set(tokenize(claim))) < _LEAST_TERMS:
            return Judgement(None)
        texts = [paper_text(paper) for paper in cited.values()]
        readings = self._read(claim, texts)
        alone = [self._decide(each.scores) for each in readings]
        verdict = min(alone, key=VERDICTS.index)
        together = verdict != "supported" and len(texts) > 1 and self._together(claim, readings) == "supported"
        verdict = "supported" if together else verdict
        if (
            verdict == "contradicted"
            and tokenize(before)
            and not self._contradict(texts, f"{before[-_BEFORE:]} {claim}")
        ):
            verdict, alone = None, [None] * len(alone)
        if reason := lacking(claim, cited, own):
            verdict = max(verdict, "not_found", key=VERDICTS.index)
        quotes = {}
        for (n, paper), each, by_it in zip(cited.items(), readings, alone, strict=True):
            start, end = each.text.spans[each.best]
            of_paper = verdict if together else max(by_it, verdict, key=VERDICTS.index)
            quotes[n] = (Quote(paper.abstract[start:end], start, end, of_paper),)
        return Judgement(verdict, reason, quotes)

    def _decide(self, scores: _Scores) -> Verdict | None:
        if scores.supports >= self._supported:
            return "supported"
        if scores.supports >= _DOUBTED:
            return None
        return "contradicted" if _contradicted(scores) else "not_found"

    def _contradict(self, texts: Sequence[PaperText], claim: str) -> bool:
        return all(_contradicted(each.scores) for each in self._read(claim, texts))

    def _together(self, claim: str, readings: Sequence[_Reading]) -> Verdict | None:
        """Decide on several papers as one text: of each the title and the sentences with the most evidence."""
        room = _SEVERAL // len(readings)
        scores = self._cross_encoder.score(claim, [" ".join(_shortened(each, room) for each in readings)])
        return self._decide(_Scores(float(scores.supports[0]), float(scores.contradicts[0])))

    def _read(self, claim: str, texts: Sequence[PaperText]) -> list[_Reading]:
        """Read each paper with a claim in one pass; what of a long abstract does not fit is read in further windows."""
        supports, contradicts = np.full(len(texts), -np.inf), np.full(len(texts), -np.inf)
        evidence = [np.full(len(text.sentences), -np.inf, np.float32) for text in texts]
        first = dict.fromkeys(range(len(texts)), 0)  # the first sentence of each paper's next window
        while first:
            passages = {i: texts[i].passage(range(start, len(texts[i].sentences))) for i, start in first.items()}
            scores = self._cross_encoder.score(claim, [each.text for each in passages.values()])
            following: dict[int, int] = {}
            for row, (i, passage) in enumerate(passages.items()):
                supports[i] = max(supports[i], scores.supports[row])
                contradicts[i] = max(contradicts[i], scores.contradicts[row])
                offsets = scores.offsets[row]
                read_to = int(offsets[-1, 1]) if len(offsets) else 0
                whole = sum(end <= read_to for _, end in passage.spans)
                found = scores.span_evidence(row, passage.spans[: max(whole, 1)])
                seen = slice(first[i], first[i] + len(found))
                evidence[i][seen] = np.maximum(evidence[i][seen], found)
                if whole < len(passage.spans):
                    start = max(first[i] + 1, first[i] + whole - _OVERLAP)
                    if start < len(texts[i].sentences):
                        following[i] = start
            first = following
        return [
            _Reading(text, _Scores(float(supports[i]), float(contradicts[i])), tuple(evidence[i].tolist()))
            for i, text in enumerate(texts)
        ]


def _contradicted(scores: _Scores) -> bool:
    return scores.contradicts > max(scores.supports, _LIKELIER_THAN_NOT)


def _of_parts(parts: tuple[JudgedPart, ...]) -> Judgement:
    """Return the judgement of a whole sentence: that of its worst part."""
    judged = [each.judgement for each in parts]
    if not judged:
        return Judgement(None)
    verdict = max((each.verdict for each in judged), key=VERDICTS.index)
    reason = next((each.reason for each in judged if each.verdict == verdict), None)
    quotes: dict[int, tuple[Quote, ...]] = {}
    for each in judged:
        for n, found in each.quotes.items():
            quotes[n] = tuple(dict.fromkeys((*quotes.get(n, ()), *found)))
    return Judgement(verdict, reason, quotes, parts)


def _numbers(text: str, papers: Mapping[int, Paper]) -> tuple[int, ...]:
    return tuple(dict.fromkeys(n for number in MARKER.findall(text) if (n := int(number)) in papers))


def lacking(claim: str, cited: Mapping[int, Paper], own: Collection[int] = ()) -> str | None:
    """Return which numbers, else which names, of a claim none of its papers has, in words; None where they have all.

    `own` are whole numbers that the sentence may have of its own, by default that of the papers.
    """
    claim, texts = normalize(claim), [paper_text(paper) for paper in cited.values()]
    missing = missing_numbers(claim, texts, own or (len(texts),)) or missing_names(claim, texts)
    return f"{_listed(missing)} not in {' or '.join(f'[{n}]' for n in cited)}" if missing else None


def _shortened(reading: _Reading, room: int) -> str:
    """Return a paper's title and its sentences with the most evidence, in their order, in at most `room` characters."""
    left = room - len(reading.text.title)
    kept: list[int] = []
    for i in sorted(range(len(reading.evidence)), key=lambda i: (-reading.evidence[i], i)):
        left -= len(reading.text.sentences[i])
        if left < 0 and kept:
            break
        kept.append(i)
    return reading.text.passage(sorted(kept)).text


def _plain(sentence: str) -> str:
    """Return a sentence without markup and table rules."""
    text = _MARKUP.sub("", sentence).strip().strip("|").replace("|", ";")
    return " ".join(text.split())


def plain_claim(sentence: str) -> str:
    """Return a sentence as it is judged: without markers, markup and table rules, and normalized."""
    return normalize(without_markers(_plain(sentence)))


def _names_only(said: str, cited: Mapping[int, Paper]) -> bool:
    """Return whether a text, such as a heading, has nothing but words of a cited paper's title, and states nothing."""
    text = without_markers(said)
    terms = set(tokenize(text))
    return not _STATED.search(text) and any(terms <= {*tokenize(paper.title)} for paper in cited.values())


def _heading_length(sentence: str, papers: Sequence[Paper]) -> int:
    """Return the length of a bold heading with a cited paper's own title and date, which claims nothing."""
    heading = _HEADING.match(sentence)
    if heading and any(
        title_key(normalize(heading["title"])) == title_key(normalize(paper.title))
        and heading["date"] in (None, paper.date)
        for paper in papers
    ):
        return heading.end()
    return 0


def _listed(words: Sequence[str]) -> str:
    return f"{', '.join(f'“{word}”' for word in words)} {'is' if len(words) == 1 else 'are'}"
