"""Training examples generated from abstracts by rule: supported, contradicted and undecided claims.

Every kind of wording occurs with every label, so that neither shared nor unusual words reveal the label.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from eval.claims.corruptions import KINDS, plant
from eval.claims.pairs import Label
from eval.training.entailment.rewrite import merged, rewritten
from rag.text.tokens import tokenize

_END = re.compile(
    r"(?<=[.!?])(?<!\be\.g\.)(?<!\bi\.e\.)(?<!\bal\.)(?<!\bvs\.)(?<!\bcf\.)(?<!\b[A-Z]\.)\s+(?=[A-Z\"$(])"
)
_TERM = re.compile(r"\b(?:[A-Z][a-z]+[A-Z]\w*|[A-Z]{2,}[\w-]*|[A-Z][a-z]+(?:[- ][A-Z][a-z]+)+)\b")
_COMPARISON = re.compile(
    r"\b(?P<verb>outperforms?|surpass(?:es)?|beats?|exceeds?|(?:is|are) (?:\w+ )?(?:better|faster|slower|worse|larger|"
    r"smaller|higher|lower|stronger|weaker|superior|inferior|more \w+|less \w+) (?:than|to))\b"
)
_REPEATED = 0.6  # share of a sentence's terms from which another sentence may repeat it
_MIN_WORDS, _MAX_WORDS = 6, 60


@dataclass(frozen=True, slots=True)
class Example:
    """A claim, the sentences it is judged by, its label, and the source of the example."""

    claim: str
    sentences: tuple[str, ...]
    label: Label
    source: str


def split(text: str) -> tuple[str, ...]:
    """Split a text into sentences, faster and less accurately than rag.text.sentences."""
    return tuple(each.strip() for each in _END.split(" ".join(text.split())) if each.strip())


def from_abstract(
    title: str, sentences: Sequence[str], others: Sequence[Sequence[str]], chance: random.Random, count: int
) -> Iterator[Example]:
    """Yield about `count` examples of one abstract; `others` are the sentences of similar papers."""
    usable = [i for i, each in enumerate(sentences) if _MIN_WORDS <= len(each.split()) <= _MAX_WORDS]
    if len(sentences) < 3 or len(usable) < 2:
        return
    terms = [set(tokenize(each)) for each in sentences]
    for _ in range(count):
        maker = chance.choices(_MAKERS, _WEIGHTS)[0]
        example = maker(_Source(title, sentences, terms, usable, others), chance)
        if example:
            yield example


@dataclass(frozen=True, slots=True)
class _Source:
    title: str
    sentences: Sequence[str]
    terms: Sequence[set[str]]
    usable: Sequence[int]
    others: Sequence[Sequence[str]]

    def one(self, chance: random.Random) -> int:
        return chance.choice(self.usable)

    def around(self, kept: Sequence[int], chance: random.Random) -> list[int]:
        """Choose evidence that contains the given sentences: these alone, with some others, or the whole abstract."""
        size = chance.choice((0, 1, 2, 3, len(self.sentences), len(self.sentences)))
        rest = [i for i in range(len(self.sentences)) if i not in kept]
        return sorted({*kept, *chance.sample(rest, min(size, len(rest)))})

    def apart(self, left_out: int) -> list[int]:
        """Return the other sentences that share few terms with the one left out."""
        terms = self.terms[left_out]
        return [
            i
            for i in range(len(self.sentences))
            if i != left_out and len(terms & self.terms[i]) < _REPEATED * (len(terms) or 1)
        ]

    def texts(self, chosen: Sequence[int]) -> tuple[str, ...]:
        return tuple(self.sentences[i] for i in chosen)


def _said(source: _Source, chance: random.Random) -> Example:
    i = source.one(chance)
    return Example(rewritten(source.sentences[i], chance), source.texts(source.around([i], chance)), "support", "said")


def _two_said(source: _Source, chance: random.Random) -> Example:
    i, j = chance.sample(source.usable, 2)
    claim = merged([rewritten(source.sentences[k], chance, 0.6) for k in (i, j)], chance)
    return Example(claim, source.texts(source.around([i, j], chance)), "support", "two said")


def _title(source: _Source, chance: random.Random) -> Example:
    frame = chance.choice(("The paper is about {}.", "{}.", "The authors study {}.", "This work presents {}.", "{}"))
    name = source.title.rstrip(".")
    about = name if frame.startswith("{") else name[:1].lower() + name[1:]
    return Example(frame.format(about), tuple(source.sentences), "support", "title")


def _wrong(source: _Source, chance: random.Random) -> Example | None:
    """Plant an error in the claim."""
    i = source.one(chance)
    claim = _planted(rewritten(source.sentences[i], chance), chance)
    return claim and Example(claim[1], source.texts(source.around([i], chance)), "contradict", f"wrong {claim[0]}")


def _wrong_evidence(source: _Source, chance: random.Random) -> Example | None:
    """Plant the error in the evidence instead: the claim is contradicted, or repeats the error and is supported."""
    i = source.one(chance)
    planted = _planted(source.sentences[i], chance)
    if not planted:
        return None
    evidence = tuple(planted[1] if j == i else source.sentences[j] for j in source.around([i], chance))
    if chance.random() < 0.6:
        return Example(rewritten(planted[1], chance, 0.3), evidence, "support", "error repeated")
    return Example(rewritten(source.sentences[i], chance, 0.3), evidence, "contradict", f"evidence {planted[0]}")


def _wrong_half(source: _Source, chance: random.Random) -> Example | None:
    """Merge two sentences, one with a planted error, into one claim."""
    i, j = chance.sample(source.usable, 2)
    planted = _planted(source.sentences[j], chance)
    if not planted:
        return None
    halves = [rewritten(source.sentences[i], chance, 0.4), planted[1]]
    claim = merged(chance.sample(halves, 2), chance)
    return Example(claim, source.texts(source.around([i, j], chance)), "contradict", "half wrong")


def _swapped(source: _Source, chance: random.Random) -> Example | None:
    """Swap the sides of a comparison, or keep them."""
    found = [(i, match) for i in source.usable if (match := _COMPARISON.search(source.sentences[i]))]
    if not found:
        return None
    i, match = chance.choice(found)
    text = source.sentences[i]
    left = re.split(r"[,;:]|\bthat\b|\band\b", text[: match.start()])[-1].strip()
    right = re.split(r"[,;:.]|\b(?:on|in|by|for|with|and|while|when|under|across|at)\b", text[match.end() :])[0].strip()
    if not left or not right or len(left.split()) > 10 or len(right.split()) > 10:
        return None
    claim = f"{right[:1].upper()}{right[1:]} {match['verb']} {left[:1].lower()}{left[1:]}."
    same = f"{left[:1].upper()}{left[1:]} {match['verb']} {right}."
    evidence = source.texts(source.around([i], chance))
    return (
        Example(same, evidence, "support", "kept")
        if chance.random() < 0.4
        else Example(claim, evidence, "contradict", "swapped")
    )


def _left_out(source: _Source, chance: random.Random) -> Example | None:
    """Claim a sentence that is left out of the evidence, with or without a planted error."""
    i = source.one(chance)
    apart = source.apart(i)
    if len(apart) < 2:
        return None
    claim = rewritten(source.sentences[i], chance)
    planted = _planted(claim, chance) if chance.random() < 0.35 else None
    chosen = sorted(
        chance.sample(apart, chance.choice((1, 2, 3, len(apart), len(apart))) if len(apart) > 3 else len(apart))
    )
    return Example(planted[1] if planted else claim, source.texts(chosen), "not_enough", "left out")


def _half_left_out(source: _Source, chance: random.Random) -> Example | None:
    """Merge two sentences, of which the evidence contains only one, into one claim."""
    i, j = chance.sample(source.usable, 2)
    rest = [k for k in source.apart(j) if k != i]
    if i not in source.apart(j):
        return None
    halves = [rewritten(source.sentences[i], chance, 0.4), rewritten(source.sentences[j], chance, 0.4)]
    chosen = sorted([i, *chance.sample(rest, chance.randint(0, len(rest)))])
    return Example(merged(chance.sample(halves, 2), chance), source.texts(chosen), "not_enough", "half left out")


def _elsewhere(source: _Source, chance: random.Random) -> Example | None:
    """Claim a sentence of a similar paper, alone or merged with one of this paper, with or without a planted error."""
    candidates = [text for other in source.others for text in other if _MIN_WORDS <= len(text.split()) <= _MAX_WORDS]
    if not candidates:
        return None
    foreign = rewritten(chance.choice(candidates), chance)
    i = source.one(chance)
    planted = _planted(foreign, chance) if chance.random() < 0.35 else None
    claim = planted[1] if planted else foreign
    if chance.random() < 0.25:
        claim = merged(chance.sample([claim, rewritten(source.sentences[i], chance, 0.4)], 2), chance)
    return Example(claim, source.texts(source.around([i], chance)), "not_enough", "elsewhere")


def _other_term(source: _Source, chance: random.Random) -> Example | None:
    """Replace a name by that of another method, data set or subject."""
    i = source.one(chance)
    claim = rewritten(source.sentences[i], chance)
    named = sorted(set(_TERM.findall(claim)))
    known = " ".join(source.sentences)
    strange = sorted(
        {term for other in source.others for text in other for term in _TERM.findall(text) if term not in known}
    )
    if not named or not strange:
        return None
    claim = claim.replace(chance.choice(named), chance.choice(strange))
    return Example(claim, source.texts(source.around([i], chance)), "not_enough", "other term")


def _planted(text: str, chance: random.Random) -> tuple[str, str] | None:
    """Plant an error of a kind that applies to the text; numbers are preferred half of the time, as they are rare."""
    kinds = chance.sample(KINDS, len(KINDS))
    if chance.random() < 0.5:
        kinds.sort(key=lambda kind: kind != "number")
    seed = chance.randrange(1_000_000)
    return next(((kind, planted) for kind in kinds if (planted := plant(text, kind, seed))), None)


_MAKERS = (
    _said,
    _two_said,
    _title,
    _wrong,
    _wrong_evidence,
    _wrong_half,
    _swapped,
    _left_out,
    _half_left_out,
    _elsewhere,
    _other_term,
)
_WEIGHTS = (24, 8, 2, 24, 10, 5, 8, 16, 8, 14, 8)
