"""Replies that are no answers (pure): nothing found, refusals, another language."""

from __future__ import annotations

import re
import unicodedata

from rag.markers import MARKER, without_markers
from rag.writing.prompts import NOT_ANSWERED

_CANNOT = r"(?:can[’']?t|cannot|can not|won[’']?t|(?:am|[’']m) (?:not able|unable) to|do(?: not|n[’']t) feel)"
_DECLINES = re.compile(
    r"^[\s*_>-]*(?:(?:i[’']?m|i am) (?:really |very |so )?(?:sorry|afraid)|sorry[*_]*\s*[,.!–—-]"
    r"|sorry (?:but|i|for|about)\b|my apologies|i apologi[sz]e"
    rf"|(?:unfortunately,? )?i ?{_CANNOT}|as an? (?:ai|(?:large )?language model)\b"
    r"|i must decline|i (?:refuse|decline)\b)",
    re.IGNORECASE,
)
_MARKUP = re.compile(r"[*_`\"“”>#]+")
_ENDS = re.compile(r"(?:\s*\[\d+\])*\s*(?:[.!]|$)")
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
_WORD = re.compile(r"[^\W\d_]+")
_LEAST_WORDS = 12
_LEAST_LETTERS = 12
_SHARE = 0.15  # of other languages' function words in a text in one of them; they have 0.25 and more
_FOREIGN = 0.3  # share of letters in another script


def declines(text: str) -> bool:
    """Tell a model's refusal to answer: it says so at once, and cites nothing."""
    return bool(_DECLINES.match(text)) and not MARKER.search(text)


def is_wordless(text: str) -> bool:
    """Tell a reply that has something in it but no word, such as a marker alone."""
    return bool(text.strip()) and not _WORD.search(without_markers(text))


def in_another_language(question: str, text: str) -> bool:
    """Tell whether an English question got an answer in another script, or in another European language."""
    text = unicodedata.normalize("NFKC", text)  # mathematical letters are letters
    words = _words(text)
    if not question.isascii() or _share(_words(question), _ENGLISH) < _share(_words(question), _OTHERS):
        return False
    letters = [character for character in text if character.isalpha()]
    foreign = sum(not unicodedata.name(letter, "").startswith(("LATIN", "GREEK")) for letter in letters)
    if len(letters) >= _LEAST_LETTERS and foreign > _FOREIGN * len(letters):
        return True
    other = _share(words, _OTHERS)
    return len(words) >= _LEAST_WORDS and other >= _SHARE and other > 2 * _share(words, _ENGLISH)


def _words(text: str) -> list[str]:
    return [word.casefold() for word in _WORD.findall(without_markers(text))]


def _share(words: list[str], of: frozenset[str]) -> float:
    return sum(word in of for word in words) / max(len(words), 1)


def says_nothing(text: str) -> bool:
    """Tell a reply that says that the papers do not answer the question."""
    said = _MARKUP.sub("", text).strip().casefold()
    rest = said.removeprefix(NOT_ANSWERED.casefold().rstrip("."))
    return not said or (rest != said and bool(_ENDS.match(rest)))
