"""Coverage-guided fuzzing of the targets in `fuzz_targets.py` by atheris: `python -m tests.fuzz papers --minutes 30`.

Starts from the target's lines in `data/fuzz_seeds.jsonl`, and from what earlier runs have left in a folder. What fails
belongs in that file, as small as it gets, once it is mended.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import sys
import time
import traceback
from pathlib import Path
from typing import Any

import atheris  # installed by hand: no other part needs its 35 MB

_SLOW = 2.0  # CPU seconds for one input of a few thousand bytes, instrumented

with atheris.instrument_imports(include=["rag", "ui", "eval", "bibtexparser", "pylatexenc", "syntok", "csv", "json"]):
    from tests.fuzz_targets import TARGETS, seeds
    from tests.reading_time import PIECES


def fuzz(name: str, corpus: Path, minutes: float, longest: int) -> None:
    """Mutate the inputs in a folder for so many CPU minutes; write one input for each place of failure to `failed/`."""
    failures = corpus / "failed"
    failures.mkdir(parents=True, exist_ok=True)
    (corpus / "inputs").mkdir(exist_ok=True)
    for i, (_, data) in enumerate(each for each in seeds() if each[0] == name):
        (corpus / "inputs" / f"seed-{i}").write_bytes(data)
    seen: set[str] = set()
    tried = 0

    def read(data: bytes) -> None:
        nonlocal tried
        tried += 1
        start = time.process_time()
        try:
            check(data)
            took = time.process_time() - start
            place = f"slow, {took:.0f} s" if took > _SLOW else ""
        except Exception as error:
            place = _place(error)
        if place and place not in seen:
            seen.add(place)
            (failures / hashlib.sha256(place.encode()).hexdigest()[:12]).write_bytes(data)
            print(f"{tried}: {place}: {data!r}", file=sys.stderr, flush=True)
        if time.process_time() > minutes * 60:
            print(
                f"{name}: {tried} inputs in {minutes:g} CPU minutes, {len(seen)} failures", file=sys.stderr, flush=True
            )
            os._exit(0)

    with TARGETS[name]() as check:
        arguments = [str(corpus / "inputs"), f"-max_len={longest}", "-timeout=120", "-rss_limit_mb=4096"]
        atheris.Setup([sys.argv[0], *arguments], read, custom_mutator=_mutated)
        atheris.Fuzz()


def _mutated(data: bytes, longest: int, seed: int) -> bytes:
    """Change JSON by its values and text by pieces of what is read specially, as often as bytes."""
    chance = random.Random(seed)
    kind = chance.random()
    if kind < 0.3:
        at = chance.randint(0, len(data))
        piece = chance.choice(PIECES).encode()
        return (data[:at] + piece * chance.choice((1, 1, 1, 2, 30)) + data[at:])[:longest]
    start = data.find(b"{")
    if kind < 0.7 and start >= 0:
        head, line, rest = data[:start], *data[start:].partition(b"\n")[::2]
        try:
            changed = json.dumps(_changed(json.loads(line), chance), ensure_ascii=chance.random() < 0.5)
        except ValueError:
            return bytes(atheris.Mutate(data, longest))
        return (head + changed.encode("utf-8", "replace") + (b"\n" + rest if rest else b""))[:longest]
    return bytes(atheris.Mutate(data, longest))


def _changed(value: Any, chance: random.Random) -> Any:
    """Return a JSON value in which one value somewhere is another, or is gone."""
    if isinstance(value, dict) and value and chance.random() < 0.8:
        name = chance.choice(list(value))
        others = {each: said for each, said in value.items() if each != name or chance.random() < 0.9}
        return {**others, name: _changed(value[name], chance)} if name in others else others
    if isinstance(value, list) and value and chance.random() < 0.8:
        at = chance.randrange(len(value))
        return [*value[:at], *[_changed(value[at], chance)] * chance.choice((0, 1, 1, 1, 2)), *value[at + 1 :]]
    if isinstance(value, str) and chance.random() < 0.6:
        at = chance.randint(0, len(value))
        return value[:at] + chance.choice((*PIECES, "\ud800", "\x00", "")) + value[at + chance.choice((0, 0, 1, 5)) :]
    return chance.choice(
        (None, True, 0, -1, 2, 2024, 1.5, 1e400, 10**30, "", " ", "2024", "true", [], {}, [value], {"title": value})
    )


def _place(error: Exception) -> str:
    """Return where an error was raised, by which failures are told apart."""
    frames = traceback.extract_tb(error.__traceback__)[-2:]
    return " < ".join([type(error).__name__, *(f"{Path(each.filename).name}:{each.lineno}" for each in frames[::-1])])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("target", choices=TARGETS)
    parser.add_argument("--minutes", type=float, default=30, help="CPU time")
    parser.add_argument("--longest", type=int, default=2000, help="bytes of an input")
    parser.add_argument("--corpus", type=Path, default=Path("build/fuzz"))
    options = parser.parse_args()
    fuzz(options.target, options.corpus / options.target, options.minutes, options.longest)
