"""Gathering the marked questions, their variants, and unlabelled questions for a teacher (CPU, seconds)."""

from __future__ import annotations

import json
import lzma
import random
from dataclasses import asdict
from itertools import islice
from pathlib import Path

from eval.training.common.records import read_documents, read_groups, read_lines, read_questions
from eval.training.common.splits import make_splits
from eval.training.encoder.questions import EXTRA, Questions, gather
from eval.training.encoder.spans import MarkedQuestion, TaggedSpan

_NAMES_READ = 3000


def collect(data: Path, names: Path | None, titles: int, seed: int, limit: int | None = None) -> Questions:
    """Gather questions; `names` is a JSON Lines file of papers whose authors stand in for those of the questions."""
    splits = make_splits(read_groups(data), seed)
    chance = random.Random(f"{seed}/collect")
    documents = [each for each in read_documents(data).values() if splits.of([each.id]) == "train"]
    chosen = chance.sample(documents, min(titles, len(documents)))
    unlabelled = [each.text for each in read_questions(data) if splits.groups[each.group] == "train"]
    found = gather(
        data / "understanding.jsonl",
        EXTRA,
        [each.title for each in chosen if len(each.title) < 150],
        _names(names, chance) if names else [],
        sorted(set(unlabelled)),
        seed,
    )
    if limit is None:
        return found
    return Questions(found.train[:limit], found.choose[:limit], found.held[:limit], found.unlabelled[:limit])


def save(questions: Questions, path: Path) -> None:
    """Write questions as compressed JSON."""
    with lzma.open(path, "wt", encoding="utf-8") as file:
        json.dump(asdict(questions), file, ensure_ascii=False)


def load(path: Path) -> Questions:
    """Read what `save` wrote."""
    with lzma.open(path, "rt", encoding="utf-8") as file:
        content = json.load(file)
    train, choose, held = (tuple(_question(each) for each in content[name]) for name in ("train", "choose", "held"))
    return Questions(train, choose, held, tuple(content["unlabelled"]))


def _question(content: dict) -> MarkedQuestion:  # type: ignore[type-arg]
    return MarkedQuestion(**{**content, "spans": tuple(TaggedSpan(**each) for each in content["spans"])})


def _names(path: Path, chance: random.Random) -> list[str]:
    """Return authors in the forms that people type: in full, the last name, the last name in lower case."""
    found = []
    for each in islice(read_lines(path), _NAMES_READ):
        for name in each.get("authors", ())[:1]:
            last = name.split()[-1]
            found.append(chance.choice((name, name, last, last.lower(), f"{last} et al.")))
    return found
