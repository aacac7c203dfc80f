"""Is a text English, or in another script or European language? Told by its letters and function words (pure)."""

from __future__ import annotations

import re
import unicodedata

_ENGLISH = frozenset(
    "the of and to in that is for it with as on by this are be from or which not at their they was were has have its"
    " can than we these how what who when where does did into each between more also papers".split()
)
_OTHERS = frozenset(
    "der das und ist nicht ein eine mit für den dem von zu auf werden wird sich auch"  # German
    " le les des et est une dans pour que qui sur avec par du ce cette sont aux"  # French
    " el los las y es una para con por del se como más su lo al"  # Spanish
    " os um uma não em dos da na ao são mais"  # Portuguese
    " il di che è per della sono gli nel alla"  # Italian
    " het een van niet zijn voor op wordt met dat deze bij aan ook worden".split()  # Dutch
)
_ASKS = frozenset(
    "welche welcher welches welchen wie warum quel quelle quels quelles pourquoi qué cuál cuáles cómo qual quais quale"
    " quali perché welke hoe waarom".split()
)  # question words that begin no English question
_OF_A_NAME = re.compile(r"\b(?:[Vv]an (?:de[nrs]?|het)|[Vv]on (?:de[nmr]|und zu)|[Dd]e l[ao]s?) (?=[A-Z])")
_WORD = re.compile(r"[^\W\d_]+")
_LEAST_LETTERS = 12
_LEAST_WORDS = 2  # of another language, for a question to be in it: one may be part of a name
_SHARE = 0.15  # of other languages' function words in a text in one of them; they have 0.25 and more
_FOREIGN = 0.3  # share of letters in another script


def is_non_english_question(question: str) -> bool:
    """Tell whether a question is in another script or another European language; it may be a few words."""
    words = casefolded_words(_OF_A_NAME.sub("", question))
    if not words:
        return False
    others = {word for word in words if word in _OTHERS}
    speaks = len(others) >= _LEAST_WORDS and is_other_language(words)
    return words[0] in _ASKS or speaks or is_other_script(question, 1)


def is_english(words: list[str]) -> bool:
    """Tell whether the function words of a text are rather English ones, or there are none."""
    return _share(words, _ENGLISH) >= _share(words, _OTHERS)


def is_other_language(words: list[str]) -> bool:
    """Tell whether the function words of a text are plainly another language's."""
    other = _share(words, _OTHERS)
    return other >= _SHARE and other > 2 * _share(words, _ENGLISH)


def is_other_script(text: str, least: int = _LEAST_LETTERS) -> bool:
    """Tell whether many letters of a text, of `least` or more, are neither Latin nor Greek."""
    letters = [character for character in unicodedata.normalize("NFKC", text) if character.isalpha()]
    foreign = sum(not unicodedata.name(letter, "").startswith(("LATIN", "GREEK")) for letter in letters)
    return len(letters) >= least and foreign > _FOREIGN * len(letters)


def casefolded_words(text: str) -> list[str]:
    """List the words of a text, without regard to case."""
    return [word.casefold() for word in _WORD.findall(unicodedata.normalize("NFKC", text))]


def _share(words: list[str], of: frozenset[str]) -> float:
    return sum(word in of for word in words) / max(len(words), 1)
