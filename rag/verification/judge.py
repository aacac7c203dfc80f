"""The verdict on one sentence against the papers that it cites: an entailment model, bounded by exact checks."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from rag.answer import SentenceVerdict
from rag.corpus.records import title_key
from rag.models.entailment import EntailmentModel
from rag.retrieval.passages import Span, abstract_sentences
from rag.text.citation_markers import without_markers
from rag.text.latex import latex_to_text
from rag.text.tokens import tokenize
from rag.types import Paper, Quote, Verdict
from rag.verification.exact import missing_names, missing_numbers

_SUPPORTED = 0.4  # least probability of support; below it, planted errors begin to pass
_PARTIAL = 0.1
_LEAST_TERMS = 2  # of something that can be true
_NEAREST = 3  # sentences, by shared terms, among which the one that supports most is quoted
_OPEN = 0.3  # least probability of contradiction that rules "in part" out
_SHARED = 0.6  # of a claim's terms in a paper that leaves it open, for the claim to be true in part
_MARKUP = re.compile(r"\*\*|__|~~|`")
_LEAD = re.compile(
    r"^\W*(?:(?:however|moreover|furthermore|in addition|additionally|also|finally)\b,?\s*)?"
    r"(?:(?:the|this) (?:abstract|collection) (?:answers?|describes?|says|states|mentions|reports|shows|explains)"
    r"(?: (?:the|this|your) question)?(?: (?:by|that|how))*\s+)?",
    re.IGNORECASE,
)
_HEADING = re.compile(r"^\W*\*\*(?P<title>[^*]+)\*\*(?:\s*\((?P<date>[^)]*)\))?\s*:\s*")
VERDICTS: Sequence[Verdict | None] = ("supported", "partial", "unsupported", None)
"""Best first."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """A sentence's verdict, the reason where it is not supported, and the sentences it rests on, by paper number."""

    verdict: SentenceVerdict
    reason: str | None = None
    quotes: Mapping[int, tuple[Quote, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _PaperVerdict:
    """One cited paper against a claim.

    Probabilities that the abstract supports and contradicts it, the share of the claim's terms that it has, and the
    sentence that supports it most.
    """

    support: float
    contradiction: float
    shared: float
    best: Span


class SentenceJudge:
    """Judges sentences one by one, without state."""

    def __init__(self, entailment: EntailmentModel) -> None:
        self._entailment = entailment

    def judge(self, sentence: str, cited: Mapping[int, Paper]) -> Judgement:
        """Judge a sentence, with its markers and markup, against the papers that it cites, by number."""
        if not cited:
            return Judgement("uncited", "it cites no paper")
        claim = plain_claim(_without_heading(sentence, list(cited.values())))
        terms = set(tokenize(claim))
        if len(terms) < _LEAST_TERMS:
            return Judgement("unsupported", "it says too little to be checked")
        by_paper = {n: self._read(claim, terms, paper) for n, paper in cited.items()}
        verdict, reason = _by_entailment(list(by_paper.values()))
        verdict, reason = _bounded(verdict, reason, claim, cited)
        quotes = {n: (_quote(cited[n], each, verdict),) for n, each in by_paper.items()}
        return Judgement(verdict, reason, quotes)

    def _read(self, claim: str, terms: set[str], paper: Paper) -> _PaperVerdict:
        whole = latex_to_text(f"{paper.title}. {paper.abstract}")
        near = _nearest(terms, paper)
        ((support, contradiction, _),) = self._entailment.probabilities(claim, [whole]).tolist()
        # Asked for apart: in one batch with the abstract they would be padded to its length.
        alone = self._entailment.probabilities(claim, [latex_to_text(paper.abstract[start:end]) for start, end in near])
        best = int(alone[:, 0].argmax())
        shared = len(terms & set(tokenize(whole))) / max(len(terms), 1)
        return _PaperVerdict(support, contradiction, shared, near[best])


def _nearest(terms: set[str], paper: Paper) -> list[Span]:
    """Return the sentences of an abstract that share most terms with a claim, best first."""
    shared = {span: len(terms & set(tokenize(paper.abstract[slice(*span)]))) for span in abstract_sentences(paper)}
    return sorted(shared, key=lambda span: (-shared[span], span))[:_NEAREST]


def plain_claim(sentence: str) -> str:
    """Return a sentence without markers, markup, table rules and leading connectives."""
    text = _MARKUP.sub("", without_markers(sentence)).strip().strip("|").replace("|", ";")
    text = _LEAD.sub("", text)
    return " ".join(text.split())


def _without_heading(sentence: str, papers: Sequence[Paper]) -> str:
    """Remove a bold heading with a cited paper's own title and date, which claims nothing."""
    heading = _HEADING.match(sentence)
    if heading and any(
        title_key(heading["title"]) == title_key(latex_to_text(paper.title)) and heading["date"] in (None, paper.date)
        for paper in papers
    ):
        return sentence[heading.end() :]
    return sentence


def _by_entailment(by_paper: Sequence[_PaperVerdict]) -> tuple[Verdict, str | None]:
    best = max(by_paper, key=lambda each: each.support)
    if best.support >= _SUPPORTED:
        return "supported", None
    if best.contradiction > max(best.support, 1 - best.support - best.contradiction):
        return "unsupported", "the abstract seems to say otherwise"
    if best.support >= _PARTIAL or any(each.contradiction < _OPEN and each.shared >= _SHARED for each in by_paper):
        return "partial", "the abstract says this in part at most"
    return "unsupported", "the abstract does not say this"


def _bounded(
    verdict: Verdict, reason: str | None, claim: str, cited: Mapping[int, Paper]
) -> tuple[Verdict, str | None]:
    """Lower a verdict where the sentence has numbers or names that the papers lack."""
    papers = list(cited.values())
    where = " or ".join(f"[{n}]" for n in cited)
    if numbers := missing_numbers(claim, papers):
        return "unsupported", f"{_listed(numbers)} not in {where}"
    if names := missing_names(claim, papers):
        return ("partial" if verdict == "supported" else "unsupported"), f"{_listed(names)} not in {where}"
    return verdict, reason


def _listed(words: Sequence[str]) -> str:
    return f"{', '.join(f'“{word}”' for word in words)} {'is' if len(words) == 1 else 'are'}"


def _quote(paper: Paper, found: _PaperVerdict, verdict: Verdict) -> Quote:
    """Quote the best sentence, with the paper's own verdict where it does not support the claim by itself."""
    own, _ = _by_entailment([found])
    start, end = found.best
    return Quote(paper.abstract[start:end], start, end, max(own, verdict, key=VERDICTS.index))
