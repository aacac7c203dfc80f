"""The rhetorical role of each sentence of an abstract: what the problem is, what is proposed, how, with what result.

The moves of research articles (Swales, Genre Analysis, 1990; Teufel and Moens, Computational Linguistics 28:4, 2002),
recognised by the words with which authors announce them, and by their order: what comes before a paper speaks of itself
is the problem, what comes after is its method, unless it says that it is a result.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Literal

Role = Literal["problem", "contribution", "method", "result"]

_OF_ITSELF = re.compile(
    r"\b(?:we|our|ours|us|here|herein)\b"
    r"|\b(?:this|the present) (?:paper|work|article|study|survey|report|tutorial|chapter|thesis)\b",
    re.IGNORECASE,
)
_PROPOSES = re.compile(
    r"\b(?:propos|introduc|present|develop|design|devis|formulat|releas|describ|survey|review|investigat|explor|stud(?:y|ies)"
    r"|construct|build|built|creat|unveil|revisit|address|tackl)\w*",
    re.IGNORECASE,
)
_FOUND = re.compile(
    r"\b(?:experiment|empirical|evaluation|result|finding|ablation|outperform|surpass|achiev|attain|state-of-the-art)\w*"
    r"|\bwe (?:\w+ )?(?:find|found|show|prove|observe|obtain|reveal|demonstrate|conclude)\b"
    r"|\bdemonstrat(?:es?|ing) (?:that|the)\b",
    re.IGNORECASE,
)
_MEASURED = re.compile(r"\d(?:[\d.,]*)\s?(?:\\?%|x\b|×|times|percent|-?fold|points?\b)", re.IGNORECASE)
_OBJECTS = re.compile(
    r"^(?:however|unfortunately|nevertheless|nonetheless|yet|but|despite|although|existing|previous|prior|current"
    r"|traditional(?:ly)?|conventional"
    r"|(?:the|this|these|such|another) (?:\w+ )?(?:problem|issue|challenge|difficult)\w*)\b"
    r"|\b(?:remains?|challeng\w+|suffers?|struggl\w+|hinder\w*|prohibitive\w*|bottleneck|obstacle|limitations?|drawbacks?"
    r"|lacks?|lack of|fails? to)\b",
    re.IGNORECASE,
)
_AIMS = re.compile(
    r"\b(?:focus|address|tackl|consider|answer|bridge|aim|seek|study|studies|investigat|explor|examin)\w*\b(?:\W+\w+){0,8}?\W+"
    r"(?:problem|question|challenge|issue|gap|limitation|bottleneck)s?\b",
    re.IGNORECASE,
)
_MAKES = re.compile(
    r"\b(?:propos|introduc|present|develop|design|devis|formulat|releas|construct|build|built|by \w+ing\b)\w*",
    re.IGNORECASE,
)
_ADDRESS = re.compile(r"\bhttps?://\S|\bwww\.\S", re.IGNORECASE)


def says_where(sentence: str) -> bool:
    """Return whether a sentence says at which address code or data are, and reports nothing measured."""
    return bool(_ADDRESS.search(sentence)) and not _MEASURED.search(sentence)


@lru_cache(maxsize=4096)
def sentence_roles(abstract: str, spans: tuple[tuple[int, int], ...]) -> tuple[Role, ...]:
    """Return the role of each sentence, whose offsets `spans` are."""
    sentences = [abstract[start:end] for start, end in spans]
    first = next((i for i, sentence in enumerate(sentences) if _OF_ITSELF.search(sentence)), 0)
    return tuple("problem" if i < first else _role(sentence, i == first) for i, sentence in enumerate(sentences))


def _role(sentence: str, first: bool) -> Role:
    """Return the role of a sentence that is the first in which a paper speaks of itself, or comes after it."""
    if _AIMS.search(sentence) and not (_MAKES.search(sentence) or _FOUND.search(sentence)):
        return "problem"
    own, proposes = _OF_ITSELF.search(sentence), _PROPOSES.search(sentence)
    if first:
        return "result" if _FOUND.search(sentence) and not proposes else "contribution"
    if _FOUND.search(sentence) or _MEASURED.search(sentence):
        return "result"
    if not own and _OBJECTS.search(sentence):
        return "problem"
    return "contribution" if own and proposes else "method"
