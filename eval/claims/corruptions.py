"""Plant one error in a true sentence: another number, a negation added or removed, a word replaced by its antonym.

But for rare wordings, the sentence then says something else. Changing the cited paper is not done here.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Literal

from eval.claims.antonyms import ANTONYMS

ErrorKind = Literal["number", "negation", "antonym"]
KINDS: tuple[ErrorKind, ...] = ("number", "negation", "antonym")

# Not the digits of a name (GPT-4, ResNet50, 2D, L2), of a citation ([3]) or of an identifier (2401.00001).
_NUMBER = re.compile(
    r"(?<![\w.,\-/\[^_$])\d++(?:,\d{3})*+(?:\.\d+)?+(?=(?:%|[x×kKMB]|-(?:fold|layer|point|shot|bit))?(?![\w\]/]))"
)
_WORDS = ("two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "twelve", "twenty", "fifty")
_COUNT = re.compile(rf"\b(?:{'|'.join(_WORDS)})\b", re.IGNORECASE)
_FACTORS = (0.2, 0.4, 0.5, 0.6, 1.5, 1.8, 2.0, 3.0, 4.0)

_MODAL = r"can|could|will|would|should|may|might|must"
_AUXILIARY = re.compile(rf"\b(is|are|was|were|{_MODAL}|does|do|did|has been|have been)\b(?!n[’']t)(?! (?:also )?not\b)")
_PERFECT = re.compile(r"\b(has|have|had)\b(?= (?!un)\w+(?:ed|en|wn|und)\b)")
_VERBS = (
    "accelerate achieve adapt address affect allow alleviate apply assume attain avoid boost capture combine contain "
    "converge correlate cover decrease degrade depend describe eliminate emerge enable encourage enhance ensure exceed "
    "exhibit exist exploit explain facilitate generalize generalise help hold hurt impair improve include incorporate "
    "inhibit introduce involve lack learn let make match mitigate need occur offer optimize outperform perform predict "
    "preserve prevent produce promote provide reduce rely remain remove require retain reveal serve simplify solve "
    "stabilize stem suffer suggest surpass transfer underperform yield"
).split()
_FINITE = re.compile(
    r"(?<!\bthe )(?<!\bof )(?<!\btheir )(?<!\bits )\b("
    + "|".join(f"{verb}s" for verb in _VERBS)
    + r")\b(?! (?:in|of)\b)"
)
_AFTER_PRONOUN = re.compile(
    r"\b((?:[Ww]e|[Tt]hey|[Mm]odels|methods|results|approaches|networks) )(" + "|".join(_VERBS) + r")\b"
)

# What says no → the same without it.
_TAKEN_OUT: tuple[tuple[str, str], ...] = (
    (rf"\b((?:is|are|was|were|do|does|did|has|have|had|{_MODAL})) not\b(?! only)", r"\1"),
    (r"\bcannot\b", "can"),
    (r"\bfails to\b", "manages to"),
    (r"\bfail to\b", "manage to"),
    (r"\bfailed to\b", "managed to"),
    (r"\b([Nn])o longer\b", "still"),
    (r"\bno (significant|clear|statistically|substantial|measurable)\b", r"a \1"),
    (r"\b(is|are|was|were) unable to\b", r"\1 able to"),
    (r"\bneither (.{3,60}?) nor\b", r"both \1 and"),
)


def plant(sentence: str, kind: ErrorKind, seed: int = 0) -> str | None:
    """Return the sentence with one error of a kind, or None where that kind has no place in it.

    Deterministic for a sentence, kind and seed; raises ValueError for an unknown kind.
    """
    if kind not in _PLACES:
        raise ValueError(f"unknown kind of error {kind}: use one of {', '.join(KINDS)}")
    chance = random.Random(f"{seed}/{kind}/{sentence}")
    found = [each for each in _PLACES[kind](sentence, chance) if each != sentence]
    return chance.choice(found) if found else None


def plant_any(sentence: str, chance: random.Random, seed: int = 0) -> str | None:
    """Plant an error of the first kind that fits, in an order that `chance` draws; None where none fits."""
    return next((made for kind in chance.sample(KINDS, len(KINDS)) if (made := plant(sentence, kind, seed))), None)


def _numbers(sentence: str, chance: random.Random) -> Iterator[str]:
    """Yield the sentence with each number replaced; a year is replaced by another year."""
    for match in _NUMBER.finditer(sentence):
        yield _put(
            sentence, match, _another(match.group(), chance, sentence[match.end() :].lstrip(" \\").startswith("%"))
        )
    for match in _COUNT.finditer(sentence):
        word = chance.choice([each for each in _WORDS if each != match.group().lower()])
        yield _put(sentence, match, _like(word, match.group()))


def _negations(sentence: str, chance: random.Random) -> Iterator[str]:
    """Yield the sentence without each negation; where it has none, with one at each verb that takes it."""
    taken = [
        _put(sentence, match, match.expand(without))
        for negated, without in _TAKEN_OUT
        for match in re.finditer(negated, sentence)
    ]
    yield from taken
    if taken:
        return
    for pattern in (_AUXILIARY, _PERFECT):
        for match in pattern.finditer(sentence):
            first, _, rest = match.group().partition(" ")
            yield _put(sentence, match, f"{first} not {rest}".rstrip())
    for match in _FINITE.finditer(sentence):
        yield _put(sentence, match, f"does not {match.group()[:-1]}")
    for match in _AFTER_PRONOUN.finditer(sentence):
        yield _put(sentence, match, f"{match[1]}do not {match[2]}")


def _antonyms(sentence: str, chance: random.Random) -> Iterator[str]:
    """Yield the sentence with each word that has an antonym replaced by it."""
    for match in _OPPOSED.finditer(sentence):
        if match.start() and match.group()[0].isupper():
            continue  # part of a name
        yield _put(sentence, match, _like(chance.choice(ANTONYMS[match.group().lower()]), match.group()))


# Not in set phrases: as well as, in short, compared with, with respect to …
_OPPOSED = re.compile(
    r"(?<![\w-])(?<!\bas )(?<!\bin )(?<!\bto )(?<!combination )(?<!comparison )(?<!compared )(?<!together )(?<!along )"
    r"(?<!associated )(?<!deal )(?<!dealing )(?<!consistent )(?!with (?:respect|regard)\b)"
    rf"(?:{'|'.join(sorted(map(re.escape, ANTONYMS), key=len, reverse=True))})(?![\w-])",
    re.IGNORECASE,
)
_PLACES: Mapping[ErrorKind, Callable[[str, random.Random], Iterator[str]]] = {
    "number": _numbers,
    "negation": _negations,
    "antonym": _antonyms,
}


def _another(text: str, chance: random.Random, percent: bool) -> str:
    """Return a number in the same format that differs clearly from the one in the text."""
    plain = text.replace(",", "")
    value = float(plain)
    if "." not in plain and 1900 <= value <= 2100:
        return str(int(value) + chance.choice((-7, -5, -4, -3, 3, 4, 5)))
    decimals = len(plain.partition(".")[2])
    factors = [each for each in _FACTORS if not (percent and value <= 100 < value * each)]
    changed = round(value * chance.choice(factors), decimals)
    if changed == value:
        changed = value + chance.choice((2, 3, 5)) / 10**decimals
    return f"{changed:,.{decimals}f}" if "," in text else f"{changed:.{decimals}f}"


def _put(sentence: str, match: re.Match[str], text: str) -> str:
    return sentence[: match.start()] + text + sentence[match.end() :]


def _like(word: str, model: str) -> str:
    """Return a word in the capitalization of another."""
    if model.isupper() and len(model) > 1:
        return word.upper()
    return word[:1].upper() + word[1:] if model[:1].isupper() else word
