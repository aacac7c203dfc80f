"""Conversion of LaTeX, and of what remains of stripped LaTeX in abstracts, to Unicode text.

For display and matching only: quotes and offsets refer to the stored text, which stays verbatim.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable

_LETTERS = "ALPHA BETA GAMMA DELTA EPSILON ZETA ETA THETA IOTA KAPPA LAMDA MU NU XI PI RHO SIGMA TAU PHI CHI PSI OMEGA"
_GREEK = {
    name: unicodedata.lookup(f"GREEK {case} LETTER {letter}")
    for letter in _LETTERS.split()
    for case, name in (("SMALL", letter.lower()), ("CAPITAL", letter.capitalize()))
}
_GREEK |= {"lambda": _GREEK.pop("lamda"), "Lambda": _GREEK.pop("Lamda"), "varepsilon": "ε"}
_SYMBOLS = {"leq": "≤", "geq": "≥", "infty": "∞", "cdot": "·", "bullet": "•", "varepsilon": "ε"}
_ACCENTS = {"'": "\u0301", "`": "\u0300", '"': "\u0308", "^": "\u0302", "~": "\u0303"}
SUPERSCRIPTS = str.maketrans("0123456789-+n", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻⁺ⁿ")
SUBSCRIPTS = str.maketrans("0123456789-+", "₀₁₂₃₄₅₆₇₈₉₋₊")

_Replacement = str | Callable[[re.Match[str]], str]


def _accent(match: re.Match[str]) -> str:
    return unicodedata.normalize("NFC", match[2] + _ACCENTS[match[1]])


def _superscript(match: re.Match[str]) -> str:
    power = match[1]
    return power.translate(SUPERSCRIPTS) if re.fullmatch(r"[-+]?[\dn]+", power) else f"^({power})"


_GREEK_NAMES = "|".join(sorted(_GREEK, key=len, reverse=True))
_RULES: tuple[tuple[re.Pattern[str], _Replacement], ...] = tuple(
    (re.compile(pattern), replacement)
    for pattern, replacement in (
        (r"``([^`']{1,200})''", r"“\1”"),
        (r"\\(['`\"^~])\{?([A-Za-z])\}?", _accent),
        (r"\\%", " %"),
        (r"(?<=\d)\s*\\times\b|(?<=\d)times(?=\b|\d|[A-Z])", "×"),
        (r"(?<=[×%])\$", ""),
        (r"\b(\d+(?:\.\d+)?)-(?=\d+(?:\.\d+)?(?:×| %))", r"\1–"),
        (r"\\?\bsim\s*(?=\d)", "~"),
        (
            r"\\?(?:mathcal|mathbb|mathsf|mathrm|mathbf|textbf|textit|texttt|emph|text)\{((?:[^{}]|\{[^{}]*\})*)\}",
            r"\1",
        ),
        (r"\{\\?(?:it|bf|rm|em|sc|tt)\s+([^{}]*)\}", r"\1"),
        (r"\\?\b(leq|geq|cdot|bullet|varepsilon)\b", lambda match: _SYMBOLS[match[1]]),
        (r"(?<![A-Za-z])\\?infty\b", "∞"),
        (r"\^\\?top\b", "ᵀ"),
        (rf"\\({_GREEK_NAMES})\b", lambda match: _GREEK[match[1]]),
        (rf"(?<=[\^_(/|={{])({_GREEK_NAMES})(?![A-Za-z])", lambda match: _GREEK[match[1]]),
        (rf"(?<![A-Za-z])({_GREEK_NAMES})(?=[\^_()/|=}}])", lambda match: _GREEK[match[1]]),
        (r"\^(\d+|n\b|\+)", _superscript),
        (r"\^\{([^{}]{1,20})\}", _superscript),
        (r"(?<=\w|\|)_(\d)(?!\w)", lambda match: match[1].translate(SUBSCRIPTS)),
        (r"(?<=\w)_\{([^{}]{1,20})\}", r"_(\1)"),
        (r"(?<=\s)--(?=\s)", "–"),
        (r"\\([A-Za-z]+)\b", r"\1"),
    )
)


# Something of this is in every text that a rule changes: most texts are read once, and not by every rule.
_SIGN = re.compile(
    r"[\\^_{×`]| %|%\$|--|sim\s*\d|leq|geq|cdot|bullet|varepsilon|infty|\dtimes"
    rf"|[(/|=](?:{_GREEK_NAMES})|[{''.join(sorted({name[-1] for name in _GREEK}))}][()/|=}}]"
)


def latex_to_text(text: str) -> str:
    """Return the text with LaTeX and its remains as Unicode: "2.57times" as "2.57×", "sim 7.7times" as "~7.7×"."""
    if not _SIGN.search(text):
        return text
    for pattern, replacement in _RULES:
        text = pattern.sub(replacement, text)
    return text
