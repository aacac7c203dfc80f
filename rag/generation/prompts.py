"""The prompts of written answers.

The constant part comes first and the question last, so that a server can reuse its prefix cache.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rag.llm.prompting import FENCED, NO
from rag.llm.protocol import Message
from rag.types import Kind

CONSIDERED = "Considered, not used"
"""The heading under which a reply lists the papers that it does not use."""

NOT_ANSWERED = "The collection does not answer this."

HELP = """Ask about the papers of this collection in plain words. For example:

- Which papers reduce the memory that inference needs?
- What accuracy does the method reach on its main benchmark?
- The newest three papers with code, since 2023

Each answer cites its papers, and a question may follow on from the one before it."""

SYSTEM = f"""You answer questions from numbered paper abstracts, and from nothing else.
Write short sentences. End each with the number of the paper it rests on, in square brackets, as in [2] or [1][3].
Use only numbers that you were given. Keep names, numbers and units as the abstracts have them.
Write no links, no images and no list of references. Answer in the language of the question.
If the abstracts do not answer the question, write exactly: {NOT_ANSWERED}
{FENCED}"""

QUESTION = """{context_str}

Question: {query_str}
{form}
Answer:"""

_FORMS: Mapping[Kind, str] = {
    "list": "Name every paper above that answers it: a list item each, a sentence on what it does about the question.",
    "compare": "Compare in a Markdown table: a row for each paper, its name and number in the first column.",
    "fact": "Say the fact in the first sentence.",
}

ONE_SYSTEM = f"""You are given a question and the abstract of one paper.
If the abstract does not help to answer the question, write only {NO}.
Else write one short sentence that says what the abstract answers, in its own names, numbers and units; two at most.
Begin with what the paper calls its method. Do not speak of the abstract or the question, and add no title or link.
Use nothing but the abstract. {FENCED}"""

ONE_QUESTION = """Question: {question}

{paper}

Your sentence, or {no}:"""

REPAIR_SYSTEM = f"""You correct sentences so that they say only what the abstracts of the papers that they cite say.
You get each sentence with a number, and what a check found wrong with it; the check may be mistaken.
For each write one line: its number, a colon, and the corrected sentence, as close to the original as can be, in its
Markdown, without any [n] marker. If the sentence was right, write it as it is. If the abstracts say nothing of the
kind, write its number, a colon and DELETE. Write nothing else.
{FENCED}"""

REPAIR_QUESTION = """{papers}

Sentences to correct:
{sentences}"""


def answer_messages(question: str, papers: Sequence[str], kind: Kind) -> tuple[Message, ...]:
    """Return the messages that ask for an answer from formatted papers, in the form of the question's kind."""
    text = QUESTION.format(context_str="\n\n".join(papers), query_str=question, form=_FORMS.get(kind, ""))
    return Message("system", SYSTEM), Message("user", text)


def one_paper_messages(question: str, paper: str) -> tuple[Message, ...]:
    """Return the messages that ask what one formatted paper says about a question, or NO."""
    return Message("system", ONE_SYSTEM), Message("user", ONE_QUESTION.format(question=question, paper=paper, no=NO))


def repair_messages(papers: Sequence[str], sentences: Sequence[tuple[str, str]]) -> tuple[Message, ...]:
    """Return the messages that ask to correct sentences with what is wrong, numbered from 1, by formatted papers."""
    listed = "\n".join(
        f"{i}: {' '.join(sentence.split())}\n   Found: {reason}"
        for i, (sentence, reason) in enumerate(sentences, start=1)
    )
    return Message("system", REPAIR_SYSTEM), Message(
        "user", REPAIR_QUESTION.format(papers="\n\n".join(papers), sentences=listed)
    )
