"""The prompts of written answers.

The constant part comes first and the question last, so that a server can reuse its prefix cache.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rag.llm.prompting import FENCED, NO
from rag.llm.protocol import Message
from rag.types import Kind, Turn

CONSIDERED = "Considered, not used"
"""The heading under which a reply lists the papers that it does not use."""

NOT_ANSWERED = "The collection does not answer this."

SYSTEM = f"""You answer questions from numbered paper abstracts, and from nothing else.
Cite papers by their numbers in square brackets behind what they support, as in [2] or [1][3], and only by numbers that
you were given. Each sentence, each clause and each cell of a table is checked against the papers that it cites: state
what the abstracts say, with their names, numbers, units and conditions, and nothing beyond.
Write Markdown, without links, images or a list of references. Answer in the language of the question.
If the abstracts do not answer the question, write exactly: {NOT_ANSWERED}
{FENCED}"""

QUESTION = """{context_str}

{previous}Question: {query_str}
{form}
Answer:"""

_PREVIOUS = """The conversation before, of which the question may speak:
Question: {question}
Answer: {answer}

"""

_FORMS: Mapping[Kind, str] = {
    "list": """Say in a lead sentence how many of the papers above answer it and of which kinds they are.
Then list them in groups under short headings: an item for each paper, its name in bold, and what it does about the
question, with its result where the abstract has one. Leave out papers that do not answer the question.""",
    "summary": """Write an overview: a summary of two sentences; then sections by theme under short headings, in prose
that connects their papers; then where the papers agree and where they disagree; then what is left open, as far as they
say so.""",
    "compare": """Say in a sentence what differs. Then compare in a Markdown table: a row for each criterion,
a column for each thing that is compared, and a citation in each cell; write "not stated" where no abstract says it.""",
    "fact": """Begin with the fact, its value in bold, and its condition.
Then add what qualifies it, if anything does.""",
}

_OTHERWISE = "If the question asks for another form or for less, as in a few words, follow it. Otherwise:"

_CONSIDERS = f"""At the very end write a line "{CONSIDERED}:" and below it, for each paper above that you did not use,
a line with its number and why not in a few words, as in "[7]: on training, not on inference"."""

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
For each write one line: its number, a colon, and the corrected sentence, as close to the original as can be, with its
Markdown and its [n] markers. If the sentence was right, write it as it is. If the abstracts say nothing of the
kind, write its number, a colon and DELETE. Write nothing else.
{FENCED}"""

REPAIR_QUESTION = """{papers}

Sentences to correct:
{sentences}"""

INSTRUCTIONS = (SYSTEM, *_FORMS.values(), _OTHERWISE, _CONSIDERS, ONE_SYSTEM, REPAIR_SYSTEM)
"""What the prompts tell a model to do, without questions and papers."""


def answer_messages(
    question: str, papers: Sequence[str], kind: Kind, previous: Turn | None = None, considers: bool = False
) -> tuple[Message, ...]:
    """Return the messages that ask for an answer from formatted papers, in the form of the question's kind.

    `previous` is the turn before where the question may speak of it. With `considers` the model is asked why it does
    not use a paper.
    """
    otherwise = _OTHERWISE if previous and kind in _FORMS else ""
    form = "\n".join(filter(None, (otherwise, _FORMS.get(kind, ""), _CONSIDERS if considers else "")))
    before = _PREVIOUS.format(question=previous.question, answer=previous.answer) if previous else ""
    text = QUESTION.format(context_str="\n\n".join(papers), previous=before, query_str=question, form=form)
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
