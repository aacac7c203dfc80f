"""Language detection by script and function words: English, another European language, or another script."""

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
_QUESTION_WORDS = frozenset(
    "welche welcher welches welchen wie warum quel quelle quels quelles pourquoi qué cuál cuáles cómo qual quais quale"
    " quali perché welke hoe waarom".split()
)  # they begin no English question
_NAME_PARTICLE = re.compile(
    r"\b(?:[Vv]an (?:de[nrs]?|het)|[Vv]on (?:de[nmr]|und zu)|[Dd]e l[ao]s?) (?=[A-Z])|\bet al\b"
)
_WORD = re.compile(r"[^\W\d_]+")
_MIN_LETTERS = 12
_MIN_WORDS = 2  # function words of another language; a single one may be part of a name
_MIN_SHARE = 0.15  # of function words of other languages; texts in one of them have 0.25 and more
_OTHER_SCRIPT_SHARE = 0.3  # of the letters


def is_non_english_question(question: str) -> bool:
    """Return whether a question, even one of a few words, is in another script or another European language."""
    words = casefolded_words(_NAME_PARTICLE.sub("", question))
    if not words:
        return False
    others = {word for word in words if word in _OTHERS}
    is_other = len(others) >= _MIN_WORDS and is_other_language(words)
    return words[0] in _QUESTION_WORDS or is_other or is_other_script(question, 1)


def is_english(words: list[str]) -> bool:
    """Return whether a text's function words are mostly English, or it has none."""
    return _share(words, _ENGLISH) >= _share(words, _OTHERS)


def is_other_language(words: list[str]) -> bool:
    """Return whether a text's function words are clearly those of another language."""
    other = _share(words, _OTHERS)
    return other >= _MIN_SHARE and other > 2 * _share(words, _ENGLISH)


def is_other_script(text: str, min_letters: int = _MIN_LETTERS) -> bool:
    """Return whether over 30 % of a text's letters are neither Latin nor Greek; False for fewer than `min_letters`."""
    letters = [character for character in unicodedata.normalize("NFKC", text) if character.isalpha()]
    foreign = sum(not unicodedata.name(letter, "").startswith(("LATIN", "GREEK")) for letter in letters)
    return len(letters) >= min_letters and foreign > _OTHER_SCRIPT_SHARE * len(letters)


def casefolded_words(text: str) -> list[str]:
    """Return the words of a text, case-folded."""
    return [word.casefold() for word in _WORD.findall(unicodedata.normalize("NFKC", text))]


def _share(words: list[str], of: frozenset[str]) -> float:
    return sum(word in of for word in words) / max(len(words), 1)
