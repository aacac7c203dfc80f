"""The marked questions: read, split by their text, and varied by putting other spans of the same tag in."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from eval.training.common.records import read_lines
from eval.training.common.splits import Split, place
from eval.training.encoder.spans import MarkedQuestion, TaggedSpan, parse_marks

EXTRA = Path(__file__).parent.parent / "data" / "questions.jsonl"
_VARIED_WEIGHT = 0.5
_TITLE_WEIGHT = 0.5
# How a title is asked for; the title alone is the commonest.
_TITLE_FORMS = (
    "{}",
    "{}",
    "{}",
    "find {}",
    "do you have {}",
    "the paper {}",
    '"{}"',
    "is {} in here?",
    "{} paper",
    "{} pdf",
)


@dataclass(frozen=True, slots=True)
class Questions:
    """Marked questions by split; unlabelled ones teach only what a teacher says of them."""

    train: tuple[MarkedQuestion, ...]
    choose: tuple[MarkedQuestion, ...]
    held: tuple[MarkedQuestion, ...]
    unlabelled: tuple[str, ...] = ()


def read_questions(path: Path) -> list[MarkedQuestion]:
    """Read a file of marked questions; the same text is kept once."""
    found: dict[str, MarkedQuestion] = {}
    for each in read_lines(path):
        text, spans = parse_marks(each["m"])
        found.setdefault(text.lower(), MarkedQuestion(text, each["k"], each.get("f", "none"), spans))
    return list(found.values())


def gather(
    understanding: Path,
    extra: Path | None,
    titles: Sequence[str],
    names: Sequence[str],
    unlabelled: Sequence[str],
    seed: int,
    varied: int = 2,
) -> Questions:
    """Split the questions by the hash of their text, and add to the training part.

    Added are the extra questions whose text is not among those kept back, titles as lookups, and `varied` copies of
    each question with its spans exchanged; authors come from `names` as well.
    """
    split: dict[Split, list[MarkedQuestion]] = {"train": [], "choose": [], "held": []}
    for question in read_questions(understanding):
        split[place(question.text.lower(), seed)].append(question)
    kept_back = {each.text.lower() for part in (split["choose"], split["held"]) for each in part}
    chance = random.Random(f"{seed}/questions")
    own = split["train"] + [
        each for each in (read_questions(extra) if extra else []) if each.text.lower() not in kept_back
    ]
    pool = _pool(own, names)
    more = [vary(each, pool, chance) for each in own if each.spans for _ in range(varied)]
    more += [_asked_title(title, chance) for title in titles]
    return Questions((*own, *more), tuple(split["choose"]), tuple(split["held"]), tuple(unlabelled))


def vary(question: MarkedQuestion, pool: Mapping[str, Sequence[str]], chance: random.Random) -> MarkedQuestion:
    """Put another span of the same tag in the place of about half of a question's spans, and lower its weight."""
    text, spans, at = "", [], 0
    for span in question.spans:
        text += question.text[at : span.start]
        words = question.text[span.start : span.end]
        others = pool.get(span.tag, ())
        if others and chance.random() < 0.6:
            words = chance.choice(others)
        spans.append(TaggedSpan(len(text), len(text) + len(words), span.tag))
        text += words
        at = span.end
    return replace(question, text=text + question.text[at:], spans=tuple(spans), weight=_VARIED_WEIGHT)


def _pool(questions: Iterable[MarkedQuestion], names: Sequence[str]) -> dict[str, list[str]]:
    """Collect the spans of each tag; those of codes, counts of authors and exclusions read badly elsewhere."""
    found: dict[str, list[str]] = {"author": list(names)}
    for question in questions:
        for span in question.spans:
            if span.tag not in ("code", "author count", "exclusion"):
                found.setdefault(span.tag, []).append(question.text[span.start : span.end])
    return found


def _asked_title(title: str, chance: random.Random) -> MarkedQuestion:
    form = chance.choice(_TITLE_FORMS)
    text = form.format(title if chance.random() < 0.6 else title.lower())
    start = form.index("{")
    span = TaggedSpan(start, start + len(title), "topic")
    return MarkedQuestion(text, "lookup", "none", (span,), _TITLE_WEIGHT)
