"""Sentences about the answer itself, which state nothing of a paper's content and need no citation."""

from __future__ import annotations

import re

from rag.text.tokens import tokenize

# What an answer deals with, the verbs for what these do with content, and English's closed classes of words.
_THINGS = frozenset(
    tokenize(
        "paper abstract study work article publication source collection set library answer question list table row"
        " column section summary overview evidence citation reference title"
    )
)
_SAYING = tokenize(
    "answer address ask cite compare concern contain cover deal describe differ discuss fall find focus follow give"
    " group include list mention name relate report say show speak state study summarize tell treat"
)
_CLOSED = tokenize(
    "about above across after all along already also although among another any anything appear around because before"
    " behind below beside besides best between beyond both can cannot could did different directly do does each either"
    " else enough every few finally first following from further had has have he here hence her his how however i"
    " instead it its itself last least less like likewise main many may me more most much my neither next none nor"
    " nothing now often one only other otherwise our over overall per question rather related relevant respectively"
    " same second see seem several shall she should similarly since so some than them there they third those though"
    " through thus together too topic two under unlike until up upon us various very we were what when where whether"
    " which while who whose why within without would yet you your"
    " two three four five six seven eight nine ten eleven twelve"
)
_ALLOWED = _THINGS.union(_SAYING, _CLOSED)


_CHAT = re.compile(
    r"\W*(?:i hope|let me know|feel free|would you like|here (?:is|are)|sure\b|certainly\b|of course\b|happy to help)",
    re.IGNORECASE,
)
_ABSENT = re.compile(
    r"\W*(?:the|these|those|none of the|no|all)\s(?:cited\s|given\s|provided\s)?"
    r"(?:abstracts?|papers?|sources?|collection)\s"
    r"(?:(?:here|above|cited)\s)?(?:do|does|did)?\s?(?:not\s)?"
    r"(?:say|state|report|mention|specify|address|discuss|describe|compare|give|provide|quantify|cover)s?\b",
    re.IGNORECASE,
)
_MOST_CHAT_WORDS = 20


def is_about_answer(sentence: str, question: str) -> bool:
    """Return whether a sentence speaks of the answer or its papers as such: "Three papers here address this question".

    It names one of these things, and holds no word beyond those of the question, whole numbers, the verbs for what
    papers and answers do with a topic, and function words. Any other word may state something that a paper has to
    support. So a remark in rarer words counts as a statement, which errs on the safe side; and a remark that is wrong,
    such as a miscount, is not noticed.
    """
    said = " ".join(sentence.split())
    if len(said.split()) <= _MOST_CHAT_WORDS and (_CHAT.match(said) or (" not " in said and _ABSENT.match(said))):
        return not any(character.isdigit() for character in said)
    terms = set(tokenize(sentence))
    rest = terms - _ALLOWED - set(tokenize(question))
    return bool(terms & _THINGS) and all(term.isdigit() for term in rest) and "%" not in sentence
