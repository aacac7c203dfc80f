"""Matching of people's names across the ways in which they are written: "Blachly JS" and "James S. Blachly"."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import product

PARTICLES = frozenset(
    "af al am auf av ben bin da das de degli dei del della den der des di do dos du e el ibn la las le los op st ten"
    " ter te van vande vanden vander vom von y zu zum zur 't".split()
)
"""Words before a surname that are written apart, joined to it, or left out."""

SUFFIXES = {"jr": "jr", "jnr": "jr", "junior": "jr", "sr": "sr", "snr": "sr", "senior": "sr"} | {
    **{roman: roman for roman in ("ii", "iii", "iv")},
    **{"2nd": "ii", "3rd": "iii", "4th": "iv"},
}
"""Suffixes of a name, and which of them are the same."""

_PLAIN = str.maketrans({"ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "ı": "i", "æ": "ae", "œ": "oe"})
_SPELT = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ø": "oe", "å": "aa"})
_WORD = re.compile(r"[^\W\d_]+")
_MAX_INITIALS = 3  # capitals that may be initials written together: "JS"
_MAX_WORDS = 12  # of a person's name
_MAX_RUN = 6  # words of a surname that are looked for together
_MAX_AMBIGUOUS = 5  # words of a name that may be initials
_VOWEL = re.compile("[aeiouy]")


def fold_accents(text: str) -> str:
    """Return the text case-folded and without accents."""
    folded = unicodedata.normalize("NFKD", text.casefold().translate(_PLAIN))
    return "".join(character for character in folded if not unicodedata.combining(character))


def name_words(name: str) -> tuple[str, ...]:
    """Return the words of a person's name, case-folded, without accents and punctuation."""
    return tuple(_WORD.findall(fold_accents(name)))


def matches_author(wanted: str, author: str) -> bool:
    """Return whether `author` can be the person asked for as `wanted`.

    Initials stand for names that begin with them, middle names and suffixes may be missing on either side, and a name
    in full may have its surname first. A surname alone matches all who bear it; it may also be a given name.
    """
    return any(
        _matches(asked, other)
        for asked in _read(wanted)
        if _may_have(author, asked.surnames)
        for other in _read(author)
        if not asked.surnames.isdisjoint(other.parts)
    )


def shares_surname(wanted: str, author: str) -> bool:
    """Return whether two names with given names end in one surname."""
    one, other = (
        frozenset[str]().union(*(each.surnames for each in _read(name) if each.given and not each.guessed))
        for name in (wanted, author)
    )
    return not one.isdisjoint(other)


def surname_and_given(name: str) -> tuple[str, str, str]:
    """Return a name's surname with its particles, its given names and its suffix, each as written; "" for none.

    A name without a comma ends with its surname, unless initials follow it.
    """
    pieces = [piece.strip() for piece in name.split(",") if piece.strip()]
    suffix = next((piece for piece in pieces[1:] if _plain(piece) in SUFFIXES), "")
    pieces = [piece for i, piece in enumerate(pieces) if i == 0 or piece != suffix]
    if len(pieces) > 1:
        return pieces[0], " ".join(pieces[1:]), suffix
    words = pieces[0].split() if pieces else []
    if not suffix and len(words) > 1 and _plain(words[-1]) in SUFFIXES:
        suffix = words.pop()
    capitals = name.isupper()
    units = [
        [_Unit(unit.initials) if unit.initials and word.isupper() else unit for unit in _units(word, capitals)]
        for word in words
    ]
    initials = _trailing_initials(units)
    if initials:
        return " ".join(words[:-initials]), " ".join(words[-initials:]), suffix
    at = max(len(words) - 1, 0)
    while at > 1 and words[at - 1].casefold() in PARTICLES and words[at - 1].islower():
        at -= 1
    return " ".join(words[at:]), " ".join(words[:at]), suffix


@dataclass(frozen=True, slots=True)
class _Part:
    """A part of a given name: its words, several where hyphens join them, and whether it is abbreviated."""

    words: tuple[str, ...]
    short: bool

    @property
    def spellings(self) -> frozenset[str]:
        """The spellings of the part as one word."""
        return _spellings("".join(self.words))


@dataclass(frozen=True, slots=True)
class _Reading:
    """One way to read a name.

    `surnames` are spellings of the whole surname, `parts` of each run of its words too. With `guessed` the surname is
    taken to stand first, which given names in full must confirm.
    """

    surnames: frozenset[str]
    parts: frozenset[str]
    given: tuple[_Part, ...]
    suffix: str = ""
    guessed: bool = False


def _matches(asked: _Reading, held: _Reading) -> bool:
    if asked.suffix and held.suffix and asked.suffix != held.suffix:
        return False
    if not asked.given:
        return True
    if not held.given or (asked.guessed and held.guessed):
        return False
    whole = not asked.surnames.isdisjoint(held.surnames)
    in_full = asked.guessed or held.guessed or not whole
    return _given_matches(asked.given, held.given, in_full)


def _given_matches(asked: Sequence[_Part], held: Sequence[_Part], in_full: bool) -> bool:
    """Compare given names; with `in_full` no initial stands for a name."""
    if any(_joined(asked) & _joined(held[:n]) for n in range(1, len(held) + 1)):
        return True
    if any(_pairs_equal(asked, held[at : at + len(asked)]) for at in range(1, len(held))):  # goes by a middle name
        return True
    if in_full:
        return False
    if all(each.short for each in asked) or all(each.short for each in held):
        return _in_order(_flat(asked), _flat(held), held[0].short)
    return _in_order(asked, held, held[0].short)


def _in_order(asked: Sequence[_Part], held: Sequence[_Part], held_is_short: bool) -> bool:
    """Return whether the first names agree and the others follow in order; further initials may be missing."""
    if not _same_part(asked[0], held[0]):
        return False
    at = 1
    for each in asked[1:]:
        found = next((i for i in range(at, len(held)) if _same_part(each, held[i])), None)
        if found is None:
            if at < len(held) or not (each.short or held_is_short):
                return False
        else:
            at = found + 1
    return True


def _same_part(one: _Part, other: _Part) -> bool:
    if not (one.short or other.short):
        return not one.spellings.isdisjoint(other.spellings)
    firsts = [(a, b) for a in _spellings(one.words[0]) for b in _spellings(other.words[0])]
    return any((one.short and b.startswith(a)) or (other.short and a.startswith(b)) for a, b in firsts)


def _pairs_equal(one: Sequence[_Part], other: Sequence[_Part]) -> bool:
    return len(one) == len(other) and all(
        not (a.short or b.short) and _same_part(a, b) for a, b in zip(one, other, strict=True)
    )


def _flat(parts: Sequence[_Part]) -> list[_Part]:
    return [_Part((word,), each.short) for each in parts for word in each.words]


def _joined(parts: Sequence[_Part]) -> frozenset[str]:
    """Return the spellings of parts written as one word, none where one is abbreviated."""
    if any(each.short for each in parts):
        return frozenset()
    return _spellings("".join(word for each in parts for word in each.words))


@dataclass(frozen=True, slots=True)
class _Unit:
    """A word of a name as written between spaces, its hyphenated parts in `words`; `initials` are what it may be too.

    `dotted` is set where a point says that it is abbreviated.
    """

    words: tuple[str, ...]
    initials: tuple[str, ...] = ()
    dotted: bool = False

    @property
    def is_initials(self) -> bool:
        return all(len(word) == 1 for word in self.words)


def surnames_of(name: str) -> frozenset[str]:
    """Return what may be the surname of a name, in lower case letters: a name that it matches has one among its own."""
    return frozenset[str]().union(*(each.surnames for each in _read(name)))


def parts_of(name: str) -> frozenset[str]:
    """Return the words of a name that may be asked for as a surname, alone and joined, in lower case letters.

    `matches_author` holds only for an author with a part that `surnames_of` returns for the name asked for.
    """
    return frozenset(name_words(name)).union(*(each.parts for each in _read(name)))


def _may_have(author: str, surnames: frozenset[str]) -> bool:
    """Return whether a name holds the letters of one of the surnames: much quicker than reading it."""
    letters = letters_of(author)
    return any(surname in each for surname in surnames for each in letters)


@lru_cache(maxsize=1 << 18)
def letters_of(name: str) -> frozenset[str]:
    """Return the letters of a name as one word, in both spellings."""
    return _spellings("".join(_WORD.findall(unicodedata.normalize("NFC", name.casefold()))))


@lru_cache(maxsize=1 << 14)
def _read(name: str) -> tuple[_Reading, ...]:
    """Return the readings of a name, the likeliest first."""
    pieces = [piece for piece in name.split(",") if _WORD.search(piece)]
    suffix, kept = "", list[str]()
    for piece in pieces:
        words = piece.split()
        while words and (len(words) > 1 or kept) and _plain(words[-1]) in SUFFIXES:
            suffix = SUFFIXES[_plain(words.pop())]
        kept += [" ".join(words)] if words else []
    if not kept:
        return ()
    capitals = name.isupper()
    if len(kept) > 1:
        surname = [unit for word in kept[0].split() for unit in _units(word)]
        given = [unit for piece in kept[1:] for word in piece.split() for unit in _units(word, capitals)]
        while len(given) > 1 and "".join(given[-1].words) in PARTICLES:
            given.pop()
        return tuple(_reading(surname, part, suffix) for part in _alternatives(given)) if surname else ()
    units = [unit for word in kept[0].split() for unit in _units(word, capitals)]
    return tuple(reading for chosen in _alternatives(units) for reading in _readings(chosen, suffix))


def _readings(units: Sequence[_Unit], suffix: str) -> Iterator[_Reading]:
    if len(units) > _MAX_WORDS:  # a group, or a list that was not split
        yield _reading(units, (), suffix)
        return
    trailing = _trailing_initials([[unit] for unit in units])
    if trailing:
        yield _reading(units[:-trailing], units[-trailing:], suffix)
        return
    for at in range(len(units)):
        given, surname = units[:at], units[at:]
        if not any(unit.is_initials for unit in surname):
            yield _reading(surname, given, suffix)
    if not any(unit.is_initials for unit in units):
        for at in range(1, len(units)):
            yield _reading(units[:at], units[at:], suffix, guessed=True)


def _trailing_initials(words: Sequence[Sequence[_Unit]]) -> int:
    """Return how many words at the end of a name are initials after a surname: 1 for "Blachly JS", 0 for "J. Wei"."""
    count = 0
    for units in reversed(words):
        if not all(unit.is_initials for unit in units):
            break
        count += 1
    before = [unit for units in words[: len(words) - count] for unit in units]
    return count if before and not any(unit.is_initials for unit in before) else 0


def _alternatives(units: Sequence[_Unit]) -> Iterator[tuple[_Unit, ...]]:
    """Yield the units with each word that may be initials taken as a word, and as initials."""
    choices = [[unit, _Unit(unit.initials)] if unit.initials else [unit] for unit in units[:_MAX_AMBIGUOUS]]
    for chosen in product(*choices):
        yield (*chosen, *units[_MAX_AMBIGUOUS:])


def _units(word: str, in_capitals: bool = False) -> list[_Unit]:
    """Return the units of a word between spaces, several for "J.S."; capitals may be initials in a name that is not
    `in_capitals` as a whole, as may letters without a vowel."""
    found = []
    for stretch in re.split(r"(?<=\.)(?=[^\W\d_])", re.sub(r"['’ʼ`]", "", unicodedata.normalize("NFC", word))):
        written = _WORD.findall(stretch)
        if not written:
            continue
        words = tuple(each.casefold() for each in written)
        dotted = stretch.endswith(".") or all(len(each) == 1 for each in words)
        alone = len(words) == 1 and 1 < len(words[0]) <= _MAX_INITIALS and not dotted
        capitals = written[0].isupper() and not in_capitals
        may_be = alone and (capitals or not _VOWEL.search(fold_accents(words[0])))
        found.append(_Unit(words, tuple(words[0]) if may_be else (), dotted))
    return found


def _reading(surname: Sequence[_Unit], given: Sequence[_Unit], suffix: str, guessed: bool = False) -> _Reading:
    words = [word for unit in surname for word in unit.words]
    first = next((i for i, word in enumerate(words) if word not in PARTICLES), len(words) - 1)
    core = words[first if given else 0 :]  # "Ben Zhang" is not every Zhang
    whole = _spellings("".join(words)) | _spellings("".join(core))
    units = ["".join(unit.words) for unit in surname]
    runs = ["".join(units[i:j]) for i in range(len(units)) for j in range(i + 1, min(i + _MAX_RUN, len(units)) + 1)]
    runs += [] if guessed else ["".join(unit.words) for unit in given if not unit.is_initials]
    return _Reading(whole, whole.union(*map(_spellings, runs)), tuple(_parts(given)), suffix, guessed)


def _parts(given: Sequence[_Unit]) -> Iterator[_Part]:
    for unit in given:
        if unit.is_initials:
            yield from (_Part((word,), True) for word in unit.words)
        else:
            yield _Part(unit.words, unit.dotted)


def _spellings(word: str) -> frozenset[str]:
    """Return a word without accents, and with umlauts spelt out."""
    if word.isascii():
        return frozenset((word.casefold(),))
    return frozenset((fold_accents(word), fold_accents(word.casefold().translate(_SPELT))))


def _plain(word: str) -> str:
    return fold_accents(word).strip(".,()")
