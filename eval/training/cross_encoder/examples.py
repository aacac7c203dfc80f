"""The examples that the cross-encoder learns from: pairs of texts with up to four targets, in units that go together.

A unit is a question's list of documents, a document's sentences for a question, or a claim with its views. `nan` is
a target that is not known. Nothing here is read by the models but texts, targets and the offsets of evidence.
"""

from __future__ import annotations

import json
import lzma
import math
import random
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from eval.training.common.records import Claim, Document, Question
from eval.training.common.sentences import Span, locate, sentence_spans
from eval.training.common.splits import Split, Splits
from rag.models.encoder import document_text

HEADS = ("belongs", "answers", "supports", "contradicts")
UNKNOWN = math.nan
Targets = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Row:
    """A pair of texts by number, its targets in the order of HEADS, and offsets of evidence in the second text."""

    first: int
    second: int
    targets: Targets
    evidence: tuple[Span, ...] | None = None
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class Unit:
    """Rows that are trained on or measured together; `note` is a question's style or a claim's label and origin."""

    source: str
    split: Split
    rows: tuple[Row, ...]
    note: str = ""


@dataclass(slots=True)
class Examples:
    """Distinct texts and the units over them."""

    texts: list[str] = field(default_factory=list)
    units: list[Unit] = field(default_factory=list)
    _numbers: dict[str, int] = field(default_factory=dict)

    def number(self, text: str) -> int:
        """Return a text's number, a new one for a new text."""
        found = self._numbers.setdefault(text, len(self.texts))
        if found == len(self.texts):
            self.texts.append(text)
        return found

    def add(self, source: str, split: Split, rows: Sequence[Row], note: str = "") -> None:
        """Add a unit unless it is empty."""
        if rows:
            self.units.append(Unit(source, split, tuple(rows), note))

    def save(self, path: Path) -> None:
        """Write everything to one compressed JSON file."""
        units = [
            [
                unit.source,
                unit.split,
                unit.note,
                [[r.first, r.second, [_or_none(t) for t in r.targets], r.evidence, r.weight] for r in unit.rows],
            ]
            for unit in self.units
        ]
        with lzma.open(path, "wt", encoding="utf-8", preset=4) as file:
            json.dump({"texts": self.texts, "units": units}, file, ensure_ascii=False)

    @classmethod
    def load(cls, path: Path) -> Examples:
        """Read what `save` wrote."""
        with lzma.open(path, "rt", encoding="utf-8") as file:
            content = json.load(file)
        made = cls(content["texts"])
        for source, split, note, rows in content["units"]:
            read = [
                Row(
                    first,
                    second,
                    tuple(UNKNOWN if t is None else t for t in targets),  # type: ignore[arg-type]
                    None if evidence is None else tuple((start, end) for start, end in evidence),
                    weight,
                )
                for first, second, targets, evidence, weight in rows
            ]
            made.units.append(Unit(source, split, tuple(read), note))
        return made


def add_questions(
    into: Examples, questions: Sequence[Question], documents: Mapping[str, Document], splits: Splits, seed: int
) -> None:
    """Add each question with its group's documents, and with sentences of some of them.

    Of a training group only training documents are used. Two strangers of other groups join each training list. A
    question without a group trains with its documents as they are.
    """
    chance = random.Random(f"{seed}/questions")
    strangers = sorted(id for id, split in splits.documents.items() if split == "train")
    for question in questions:
        split = splits.groups.get(question.group, "train")
        all_of_them = split == "held" or question.group not in splits.groups
        ids = [id for id in question.documents if all_of_them or splits.documents[id] == split]
        note = question.style or question.type
        more = chance.sample(strangers, 2) if split == "train" else []
        rows = [_list_row(into, question, documents[id]) for id in [*ids, *(id for id in more if id not in ids)]]
        into.add(f"list-{question.type}", split, rows, note)
        for id in ids:
            if id in question.relevant or id in question.nearest:
                into.add(f"sentences-{question.type}", split, _sentence_rows(into, question, documents[id]), note)


def _list_row(into: Examples, question: Question, document: Document) -> Row:
    first, second = into.number(question.text), into.number(document.text)
    if document.id in question.relevant:
        return Row(first, second, (1.0, 1.0, UNKNOWN, UNKNOWN), _evidence(document, [question.relevant[document.id]]))
    if document.id in question.arguable:
        return Row(first, second, (0.5, 0.5, UNKNOWN, UNKNOWN), weight=0.5)
    belongs = UNKNOWN if document.id in question.nearest else 0.0
    return Row(first, second, (belongs, 0.0, UNKNOWN, UNKNOWN))


def _sentence_rows(into: Examples, question: Question, document: Document) -> list[Row]:
    """Pair a question with each sentence after its title; only facts say that the other sentences do not answer."""
    first = into.number(question.text)
    marked = locate(document.abstract, question.relevant.get(document.id, "\0"))
    rows = []
    for start, end in sentence_spans(document.abstract):
        answers = 1.0 if (start, end) == marked else UNKNOWN if question.type == "set" else 0.0
        second = into.number(document_text(document.title, document.abstract[start:end]))
        rows.append(Row(first, second, (UNKNOWN, answers, UNKNOWN, UNKNOWN)))
    if question.type == "none":
        return rows[:6]
    return rows if marked else []


def add_claims(
    into: Examples,
    claims: Sequence[Claim],
    documents: Mapping[str, Document],
    groups: Mapping[int, tuple[str, ...]],
    splits: Splits,
    seed: int,
) -> None:
    """Add claims against the text of their documents.

    A training claim is also held against its document without the evidence, against little more than the evidence,
    and against another document of the same group.
    """
    chance = random.Random(f"{seed}/claims")
    near = {id: ids for ids in groups.values() for id in ids}
    twins: dict[tuple[str, int], list[Row]] = {}
    for claim in claims:
        split = splits.of(claim.documents)
        row = _claim_row(into, claim, documents)
        if claim.twin is not None:
            pair = twins.setdefault((claim.source, claim.twin), [])
            pair.append(row)
            if len(pair) == 2:
                into.add(claim.source, split, pair, f"{claim.label}:{claim.origin}")
        else:
            source = claim.source if len(claim.documents) == 1 else "several"
            into.add(source, split, [row], f"{claim.label}:{claim.origin}")
        if split == "train" and len(claim.documents) == 1 and claim.evidence:
            _add_views(into, claim, documents[claim.documents[0]], chance)
        others = [id for id in near.get(claim.documents[0], ()) if id not in claim.documents]
        others = [id for id in others if splits.of([id]) == "train"]
        if split == "train" and others:
            other = into.number(documents[chance.choice(others)].text)
            into.add("elsewhere", "train", [Row(row.first, other, (UNKNOWN, UNKNOWN, 0.0, 0.0), weight=0.5)])


def add_composed(
    into: Examples,
    claims: Sequence[Claim],
    documents: Mapping[str, Document],
    splits: Splits,
    count: int,
    seed: int,
) -> None:
    """Add training claims joined two by two: of one document, whose labels follow, and of two documents together.

    Joined claims are supported where both are, and contradicted where one is.
    """
    chance = random.Random(f"{seed}/composed")
    single = [each for each in claims if each.source in ("claims", "own") and splits.of(each.documents) == "train"]
    by_document: dict[str, list[Claim]] = {}
    for claim in single:
        by_document.setdefault(claim.documents[0], []).append(claim)
    several = [each for each in by_document.values() if len(each) > 1]
    for _ in range(count if several else 0):
        one, other = chance.sample(chance.choice(several), 2)
        document = documents[one.documents[0]]
        evidence = _evidence(document, (*one.evidence, *other.evidence))
        text = into.number(_joined(one.text, other.text, chance))
        into.add("merged", "train", [Row(text, into.number(document.text), _both(one, other), evidence, 0.5)])
    for _ in range(count // 4 if single else 0):
        one, other = chance.sample(single, 2)
        joined = _joined(one.text, other.text, chance)
        texts = [shortened(joined, documents[each.documents[0]], 550) for each in (one, other)]
        chance.shuffle(texts)
        row = Row(into.number(joined), into.number(" ".join(texts)), _both(one, other), weight=0.5)
        into.add("several-merged", "train", [row])


def _joined(one: str, other: str, chance: random.Random) -> str:
    one = one.rstrip(".")
    start = other if other[:2].isupper() or not other[:1].isupper() else other[0].lower() + other[1:]
    return f"{one}{chance.choice((', and ', '; ', ', while ', '. '))}{start}"


def _both(one: Claim, other: Claim) -> Targets:
    labels = {one.label, other.label}
    contradicts = 1.0 if "c" in labels else 0.0 if labels <= {"s", "n"} else UNKNOWN
    return (UNKNOWN, UNKNOWN, float(labels == {"s"}), contradicts)


def add_altered(into: Examples, twins: Sequence[tuple[Claim, str]], documents: Mapping[str, Document]) -> None:
    """Add supported claims with a twin that has a planted error."""
    for claim, false in twins:
        document = documents[claim.documents[0]]
        second, evidence = into.number(document.text), _evidence(document, claim.evidence)
        rows = [
            Row(into.number(claim.text), second, (UNKNOWN, UNKNOWN, 1.0, 0.0), evidence),
            Row(into.number(false), second, (UNKNOWN, UNKNOWN, 0.0, UNKNOWN), evidence, 0.7),
        ]
        into.add("altered", "train", rows)


def add_unlabelled(into: Examples, documents: Sequence[Document], seed: int) -> None:
    """Add sentences of abstracts, as they are against the rest of it, and altered: only teachers label them."""
    from eval.claims.corruptions import plant_any

    chance = random.Random(f"{seed}/unlabelled")
    unknown = (UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN)
    for document in documents:
        spans = sentence_spans(document.abstract)
        if len(spans) < 4:
            continue
        start, end = chance.choice(spans)
        sentence = document.abstract[start:end]
        whole, rest = document.text, _text(document, [span for span in spans if span != (start, end)])
        altered = plant_any(sentence, chance, seed)
        rows = [Row(into.number(sentence), into.number(rest), unknown)]
        if altered:
            rows.append(Row(into.number(altered), into.number(whole), unknown))
        into.add("unlabelled", "train", rows)


def _claim_row(into: Examples, claim: Claim, documents: Mapping[str, Document]) -> Row:
    first = into.number(claim.text)
    if len(claim.documents) == 1:
        document = documents[claim.documents[0]]
        evidence = _evidence(document, claim.evidence) if claim.evidence else None
        return Row(first, into.number(document.text), _claim_targets(claim), evidence)
    budget = 1100 // len(claim.documents)
    texts = [shortened(claim.text, documents[id], budget) for id in claim.documents]
    return Row(first, into.number(" ".join(texts)), _claim_targets(claim))


def _claim_targets(claim: Claim) -> Targets:
    soft = claim.label == "p" or (claim.source == "answers" and claim.label == "n")
    contradicts = UNKNOWN if soft else float(claim.label == "c")
    return (UNKNOWN, UNKNOWN, float(claim.label == "s"), contradicts)


def _add_views(into: Examples, claim: Claim, document: Document, chance: random.Random) -> None:
    """Add a claim without its evidence (then nothing is stated), and with little more than its evidence."""
    spans = sentence_spans(document.abstract)
    kept = {span for words in claim.evidence if (span := locate(document.abstract, words))}
    others = [span for span in spans if span not in kept]
    if not kept or len(others) < 2:
        return
    first = into.number(claim.text)
    nothing = (UNKNOWN, UNKNOWN, 0.0, 0.0)
    without = _text(document, others)
    into.add("without", "train", [Row(first, into.number(without), nothing, weight=0.5)])
    chosen = sorted([*kept, *chance.sample(others, min(2, len(others)))])
    into.add("little", "train", [Row(first, into.number(_text(document, chosen)), _claim_targets(claim))])


def add_scifact(into: Examples, records: Sequence[Mapping[str, object]], split: Split) -> None:
    """Add SciFact's pairs of a claim and an abstract (Wadden et al., EMNLP 2020)."""
    for record in records:
        sentences = [str(each) for each in record["sentences"]]  # type: ignore[attr-defined]
        head = document_text(str(record["title"]), "")
        spans, at = [], len(head)
        for sentence in sentences:
            spans.append((at, at + len(sentence)))
            at += len(sentence) + 1
        label = str(record["label"])
        rationale = sorted({int(i) for each in record["rationales"] for i in each})  # type: ignore[attr-defined]
        evidence = tuple(spans[i] for i in rationale if i < len(spans)) or None
        row = Row(
            into.number(str(record["claim"])),
            into.number(head + " ".join(sentences)),
            (1.0 if rationale else UNKNOWN, UNKNOWN, float(label == "SUPPORT"), float(label == "CONTRADICT")),
            evidence,
        )
        into.add("scifact", split, [row], label)


def add_summaries(into: Examples, lists: Sequence[tuple[str, Sequence[str]]], source: str, supports: float) -> None:
    """Add texts with the document that each was written for, first in its list, and others that are like it."""
    for text, seconds in lists:
        first = into.number(text)
        own = Row(first, into.number(seconds[0]), (1.0, UNKNOWN, supports, 0.0 if supports == 1.0 else UNKNOWN))
        other = [Row(first, into.number(each), (0.0, UNKNOWN, 0.0, 0.0)) for each in seconds[1:]]
        into.add(source, "train", [own, *other])


def add_planted(into: Examples, twins: Sequence[tuple[str, str, str]]) -> None:
    """Add true sentences and their twins with a planted error, each against the document of the true one."""
    for true, false, text in twins:
        second = into.number(text)
        rows = [
            Row(into.number(true), second, (UNKNOWN, UNKNOWN, 1.0, 0.0), weight=0.5),
            Row(into.number(false), second, (UNKNOWN, UNKNOWN, 0.0, 1.0)),
        ]
        into.add("planted", "train", rows)


def shortened(claim: str, document: Document, letters: int) -> str:
    """Return the title and the sentences that share most words with a claim, in order, within a number of letters."""
    words = set(_words(claim))
    spans = sentence_spans(document.abstract)
    shared = [len(words & set(_words(document.abstract[start:end]))) for start, end in spans]
    kept: list[Span] = []
    left = letters - len(document.title)
    for i in sorted(range(len(spans)), key=lambda i: (-shared[i], i)):
        left -= spans[i][1] - spans[i][0]
        if left < 0 and kept:
            break
        kept.append(spans[i])
    return _text(document, sorted(kept))


_SHORT_FROM = ("list-set", "list-fact", "list-none", "scifact-list", "scitldr-list", "claim-list")
_SHORT_SENTENCES = (2, 3, 4, 5)
_SHORT_NOISE = 0.3  # of the greatest share of words, so that other sentences are drawn than words alone would choose
_MEASURED_SENTENCES = 4
_VIEWS = 2


def short_views(examples: Examples, seed: int) -> tuple[Examples, list[int]]:
    """Return the lists with a few sentences of each document, and the number of the whole row that each row is of.

    The sentences share most words with the question, as the nearest sentences do when a question is asked. What pairs
    a question with sentences stays as it is, and so does what is only measured.
    """
    chance = random.Random(f"{seed}/short")
    made = Examples()
    origins: list[int] = []
    weights = _word_weights(examples)
    first = 0
    for unit in examples.units:
        numbers = range(first, first + len(unit.rows))
        first += len(unit.rows)
        if unit.source in _SHORT_FROM:
            for _ in range(_VIEWS if unit.split == "train" else 1):
                count = chance.choice(_SHORT_SENTENCES) if unit.split == "train" else _MEASURED_SENTENCES
                noise = _SHORT_NOISE if unit.split == "train" else 0.0
                rows = [_short_row(made, examples, row, count, noise, weights, chance) for row in unit.rows]
                made.add(unit.source, unit.split, rows, unit.note)
                origins += numbers
        elif unit.source.startswith("sentences-") or unit.split != "train":
            rows = [_renumbered(made, examples, row) for row in unit.rows]
            made.add(unit.source, unit.split, rows, unit.note)
            origins += numbers
    return made, origins


def _word_weights(examples: Examples) -> Mapping[str, float]:
    """Return the inverse document frequency of each word."""
    counts: Counter[str] = Counter()
    for text in examples.texts:
        counts.update(set(_words(text)))
    return {word: math.log(len(examples.texts) / count) for word, count in counts.items()}


def _renumbered(made: Examples, examples: Examples, row: Row) -> Row:
    return replace(row, first=made.number(examples.texts[row.first]), second=made.number(examples.texts[row.second]))


def _short_row(
    made: Examples,
    examples: Examples,
    row: Row,
    count: int,
    noise: float,
    weights: Mapping[str, float],
    chance: random.Random,
) -> Row:
    """Keep the title and the sentences nearest to the question, and what is known of them."""
    text, words = examples.texts[row.second], set(_words(examples.texts[row.first]))
    title, *spans = sentence_spans(text)
    shares = [sum(weights.get(each, 0.0) for each in words & set(_words(text[a:b]))) for a, b in spans]
    most = max(shares, default=0.0) or 1.0
    noisy = [share + noise * most * chance.random() for share in shares]
    kept = sorted(sorted(spans, key=lambda span: -noisy[spans.index(span)])[:count])
    short, moved = text[slice(*title)], {}
    for start, end in kept:
        moved[start] = (len(short) + 1, len(short) + 1 + end - start)
        short += " " + text[start:end]
    evidence = None
    if row.evidence is not None:
        found = [moved[start] for start, _ in row.evidence if start in moved]
        evidence = tuple(found) or None
    targets = row.targets
    if row.evidence and not evidence:  # what answers is not in it
        targets = (targets[0], UNKNOWN, *targets[2:])
    return replace(
        row, first=made.number(examples.texts[row.first]), second=made.number(short), targets=targets, evidence=evidence
    )


def arrays(units: Sequence[Unit]) -> tuple[NDArray[np.int64], NDArray[np.float32], NDArray[np.int64]]:
    """Return texts (rows × 2), targets (rows × 4) and the unit's number of each row."""
    rows = [(row, number) for number, unit in enumerate(units) for row in unit.rows]
    return (
        np.array([(row.first, row.second) for row, _ in rows], np.int64),
        np.array([row.targets for row, _ in rows], np.float32),
        np.array([number for _, number in rows], np.int64),
    )


def _words(text: str) -> Iterator[str]:
    return (each.lower() for each in re.findall(r"\w{3,}", text))


def _text(document: Document, spans: Sequence[Span]) -> str:
    return document_text(document.title, " ".join(document.abstract[start:end] for start, end in spans))


def _evidence(document: Document, first_words: Sequence[str]) -> tuple[Span, ...] | None:
    shift = len(document.text) - len(document.abstract)
    spans = {span for words in first_words if (span := locate(document.abstract, words))}
    return tuple(sorted((start + shift, end + shift) for start, end in spans)) or None


def _or_none(value: float) -> float | None:
    return None if math.isnan(value) else value
