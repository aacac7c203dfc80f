"""Every text that a model is sent to find more (pure)."""

from __future__ import annotations

from collections.abc import Sequence

from rag.llm.prompt_parts import FENCED, NO, format_evidence
from rag.llm.protocol import Message
from rag.types import Evidence

YES = "YES"
DONE = "DONE"
MOST_QUERIES = 4
MOST_MISSING = 3

_WHOLE_CHARACTERS = 4000  # of an abstract that is shown whole; of a longer one the best sentences are

_REWRITE = f"""You turn a question about research papers into search queries for a collection of paper abstracts.
Write {MOST_QUERIES} short queries, one a line, in the technical terms that such abstracts use.
Each looks at the question from another side: its methods, their names and synonyms, what they are used on.
Write nothing but the queries. For "How do I keep my chatbot from making things up?" they could be:
hallucination mitigation in large language models
grounding generation in retrieved evidence
factual consistency and faithfulness of generated text
uncertainty estimation and abstention of language models"""

_HYDE = """You write the abstract of a research paper that would answer the question.
Write three or four sentences in the technical terms that such an abstract would use, and nothing else."""

_MISSING = f"""You look after a search in a collection of paper abstracts. You get a question and the papers found.
If something that the question asks for is not among them, write up to {MOST_MISSING} new short search queries for it,
one a line, in the technical terms that such abstracts use. If nothing is missing, write only {DONE}.
{FENCED}"""

_SCREEN = f"""You decide whether a paper belongs to the answer of a question, from its title and abstract alone.
Write {YES} or {NO}, a colon, and why, in one short sentence.
{YES} is for a paper that is about what the question asks for, {NO} for one that only shares words with it.
{FENCED}"""


def rewrite_messages(question: str) -> tuple[Message, ...]:
    """Ask for search queries."""
    return Message("system", _REWRITE), Message("user", f"Question: {question}\nQueries:")


def hyde_messages(question: str) -> tuple[Message, ...]:
    """Ask for the abstract of a paper that would answer."""
    return Message("system", _HYDE), Message("user", f"Question: {question}\nAbstract:")


def missing_messages(question: str, found: Sequence[Evidence], searched: Sequence[str]) -> tuple[Message, ...]:
    """Ask what is missing of the papers found, given what was searched for already."""
    papers = "\n".join(format_evidence(each, whole=False, numbered=False) for each in found)
    before = "\n".join(searched)
    asked = f"{papers}\n\nSearched for already:\n{before}\n\nQuestion: {question}\nNew queries, or {DONE}:"
    return Message("system", _MISSING), Message("user", asked)


def screen_messages(question: str, paper: Evidence) -> tuple[Message, ...]:
    """Ask whether one paper belongs to the answer."""
    whole = len(paper.paper.abstract) <= _WHOLE_CHARACTERS
    shown = format_evidence(paper, whole, numbered=False)
    asked = f"Question: {question}\n\n{shown}\n\nDoes this paper belong to the answer? {YES} or {NO}, and why:"
    return Message("system", _SCREEN), Message("user", asked)
