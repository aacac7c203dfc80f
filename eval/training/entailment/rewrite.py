"""Paraphrase a sentence by rule: third person, synonyms, fewer clauses; the sentence supports the paraphrase.

Without paraphrases a model would learn that every change of words is an error.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence

_LEADING = re.compile(
    r"^(?:however|moreover|furthermore|in addition|additionally|finally|specifically|in particular|in this "
    r"(?:paper|work|article|study|report)|to this end|therefore|thus|hence|notably|here|recently|consequently|"
    r"in contrast|first|second|third|as a result|also|overall|importantly|interestingly|indeed|then|next|"
    r"in summary|in conclusion|"
    r"on the other hand|for example|for instance|results|conclusions?|background|methods|findings|interpretation|"
    r"objectives?)\s*[,:]\s+",
    re.IGNORECASE,
)
_SAYING = re.compile(
    r"^(?:(?:extensive |numerical |our |the |these |experimental |empirical )*(?:experiments?|results?|evaluations?|"
    r"simulations?|findings?|data|we|authors?|analysis)(?: on [^,]{3,60}?| also| further| then| empirically)? "
    r"(?:show|shows|demonstrate|demonstrates|find|finds|prove|found|showed|argue|indicate|suggest|observe|reveal|report|confirm|"
    r"conclude)s? that )",
    re.IGNORECASE,
)
_FRAMES = (
    "The authors show that {}",
    "According to the paper, {}",
    "The paper reports that {}",
    "The study found that {}",
    "The authors report that {}",
    "It is shown that {}",
)
_SYNONYMS: tuple[tuple[str, ...], ...] = (
    ("propose", "introduce", "present"),
    ("proposes", "introduces", "presents"),
    ("proposed", "introduced", "presented"),
    ("show", "demonstrate"),
    ("shows", "demonstrates"),
    ("use", "employ", "utilize"),
    ("uses", "employs", "utilizes"),
    ("using", "employing", "by means of"),
    ("method", "approach", "technique"),
    ("methods", "approaches", "techniques"),
    ("improve", "enhance"),
    ("improves", "enhances"),
    ("improved", "enhanced"),
    ("large", "big", "sizeable"),
    ("many", "numerous", "a lot of"),
    ("reduce", "decrease", "cut", "lower"),
    ("reduces", "decreases", "cuts", "lowers"),
    ("reduced", "decreased", "lowered"),
    ("increase", "raise"),
    ("increased", "raised", "elevated"),
    ("faster", "quicker", "more rapid"),
    ("significantly", "substantially", "considerably", "markedly"),
    ("outperforms", "surpasses", "does better than", "beats"),
    ("outperform", "surpass", "do better than", "beat"),
    ("better than", "superior to"),
    ("worse than", "inferior to"),
    ("cannot", "is unable to", "can not"),
    ("fails to", "does not", "is not able to"),
    ("fail to", "do not"),
    ("without", "with no"),
    ("requires", "needs"),
    ("require", "need"),
    ("allows", "permits", "enables"),
    ("problem", "task"),
    ("achieves", "attains", "reaches", "obtains"),
    ("achieve", "attain", "reach", "obtain"),
    ("important", "key", "crucial"),
    ("novel", "new"),
    ("several", "multiple", "a number of"),
    ("often", "frequently"),
    ("hard", "difficult"),
    ("algorithm", "procedure"),
    ("associated with", "linked to", "related to"),
    ("effective", "successful"),
    ("evaluate", "assess", "test"),
    ("investigate", "study", "examine"),
    ("effect", "impact", "influence"),
    ("leads to", "results in", "causes"),
    ("lead to", "result in", "cause"),
    ("enough", "sufficient"),
    ("only", "solely"),
    ("two", "2"),
    ("three", "3"),
    ("four", "4"),
    ("%", " percent"),
)
_SAME = {word: tuple(each for each in group if each != word) for group in _SYNONYMS for word in group}
_SYNONYM = re.compile(
    r"(?<![\w-])(?:"
    + "|".join(sorted((re.escape(w) for w in _SAME if w != "%"), key=len, reverse=True))
    + r")(?![\w-])|%"
)
_WE = re.compile(r"\b[Ww]e (?:(also|then|further|first|empirically|theoretically) )?([a-z]+)\b")
_MODALS = frozenset("can could will would may might must should have had did do were are".split())


def rewritten(sentence: str, chance: random.Random, strength: float = 0.5) -> str:
    """Return a paraphrase; each kind of change is made with the given probability."""
    text = _LEADING.sub("", sentence.strip()) if chance.random() < 0.8 else sentence.strip()
    for change in chance.sample(_CHANGES, len(_CHANGES)):
        if chance.random() < strength:
            text = change(text, chance)
    return _capital(third_person(text, chance) if chance.random() < 0.8 else text)


def merged(halves: Sequence[str], chance: random.Random) -> str:
    """Return one claim made of two sentences."""
    first, second = halves
    joint = chance.choice(("; ", ", and ", ", while ", ". "))
    return first.rstrip(". ") + joint + (second if joint == ". " else _small(second))


def third_person(text: str, chance: random.Random) -> str:
    """Replace "we" and "our" by the third person."""
    who = chance.choice(("the authors", "they", "the paper", "this work", "the researchers", "the study"))
    plural = who in ("the authors", "they", "the researchers")

    def subject(match: re.Match[str]) -> str:
        adverb, verb = match[1], match[2]
        verb = verb if plural or verb in _MODALS else f"{verb}es" if verb.endswith(("s", "sh", "ch")) else f"{verb}s"
        return f"{who} {adverb + ' ' if adverb else ''}{verb}"

    text = _WE.sub(subject, text)
    owner = chance.choice(("the authors'", "their", "the proposed", "the"))
    return re.sub(r"\b[Oo]ur\b", owner, text)


def _other_words(text: str, chance: random.Random) -> str:
    return _SYNONYM.sub(lambda found: chance.choice(_SAME[found[0]]) if chance.random() < 0.6 else found[0], text)


def _without_asides(text: str, chance: random.Random) -> str:
    return re.sub(r"\s*\([^()]*\)", "", text)


def _shorter(text: str, chance: random.Random) -> str:
    """Drop a relative or participial clause at the end, or a subordinate one at the start, if enough remains."""
    start, end = (
        re.sub(r"^(?:While|Although|Though|Since|As) [^,]{10,120}, ", "", text),
        re.sub(
            r",? (?:which|where|thereby|thus|leading|resulting|making|allowing|such as|e\.g\.|i\.e\.)\b[^,]*\.?$",
            ".",
            text,
        ),
    )
    kept = chance.choice((start, end))
    return kept if len(kept.split()) >= 6 else text


def _reordered(text: str, chance: random.Random) -> str:
    """Move a leading phrase to the end."""
    match = re.match(
        r"^((?:To|By|In|With|Using|Under|For|On|Through|Unlike|Based on) [^,]{5,100}), (.{20,}?)\.?$", text
    )
    return f"{_capital(match[2])} {_small(match[1])}." if match and "," not in match[2] else text


def _framed(text: str, chance: random.Random) -> str:
    """Add or remove a phrase that attributes the statement."""
    bare = _SAYING.sub("", text)
    if bare != text:
        return _capital(bare)
    return chance.choice(_FRAMES).format(_small(text)) if chance.random() < 0.5 else text


_CHANGES: tuple[Callable[[str, random.Random], str], ...] = (
    _other_words,
    _without_asides,
    _shorter,
    _reordered,
    _framed,
)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _small(text: str) -> str:
    first = text.split(" ", 1)[0]
    return text[:1].lower() + text[1:] if first[1:].islower() or first in ("A", "I") else text
