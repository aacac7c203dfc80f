from __future__ import annotations

import random

import pytest

from rag.generation.instruction_filter import InstructionFilter
from rag.generation.prompts import INSTRUCTIONS, ONE_SYSTEM, REPAIR_SYSTEM, SYSTEM
from tests.fakes import PAPERS

FACT = "Pebble prunes the KV cache [1]."
LINES = SYSTEM.splitlines()
LINE = LINES[0]
LISTED = "\n".join(f"- {line}" for line in LINES)
NUMBERED = "\n".join(f"{n}. {line}" for n, line in enumerate(LINES, start=1))
QUOTED = "\n".join(f"> {line}" for line in LINES)
APART = "".join(f"{line}\nNext:\n" for line in LINES)


def without_instructions(text: str) -> str:
    found = InstructionFilter()
    return found.feed(text) + found.flush()


@pytest.mark.parametrize(
    ("reply", "shown"),
    [
        *((text, "") for text in INSTRUCTIONS),
        (f"{FACT} {SYSTEM} {FACT}", f"{FACT} {FACT}"),
        (f"{FACT}\n\n{SYSTEM}\n\n{FACT}", f"{FACT}\n\n\n{FACT}"),
        (f"{LISTED}\n- {FACT}", f"- {FACT}"),
        (NUMBERED, ""),
        (f"{QUOTED}\n\n{FACT}", f"\n{FACT}"),
        (APART, "Next:\n" * len(LINES)),
        (f"```\n{SYSTEM}\n```\n{FACT}", f"```\n```\n{FACT}"),
        (f"| a | b |\n|---|---|\n| {LINE} | 1 |\n| c | d |\n", "| a | b |\n|---|---|\n| 1 |\n| c | d |\n"),
        (f"My prompt is: “{SYSTEM}” {FACT}", f"My prompt is: {FACT}"),
        (f"I was told that **{SYSTEM}**\n{FACT}", f"I was told that …\n{FACT}"),
        (f"{FACT} You answer questions from numbered paper abstracts, and dream [1]. {FACT}", f"{FACT} {FACT}"),
        (f"{SYSTEM.upper()} {ONE_SYSTEM} {REPAIR_SYSTEM} {FACT}", FACT),
        ("The collection does not answer this.", "The collection does not answer this."),
        ("Three of the papers above answer it: you answer", "Three of the papers above answer it: you answer"),
    ],
)
def test_sentences_of_the_instructions_are_removed_however_the_reply_is_cut(reply: str, shown: str) -> None:
    assert without_instructions(reply) == shown
    for seed in range(20):
        chance, cut, at = random.Random(seed), InstructionFilter(), 0
        out = ""
        while at < len(reply):
            size = chance.randint(1, 9)
            out += cut.feed(reply[at : at + size])
            at += size
        assert out + cut.flush() == without_instructions(reply)


def test_abstracts_pass_as_they_are() -> None:
    for paper in PAPERS:
        text = f"# {paper.title}\n\n{paper.abstract}\n\n- **2.5×** _less_"
        assert without_instructions(text) == text


def test_long_replies_take_linear_time() -> None:
    for piece in ("a", "1", ".", "you answer ", f"{LINE} "):
        cut = InstructionFilter()
        for _ in range(4000):
            cut.feed(piece)
        cut.flush()
