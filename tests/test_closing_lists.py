from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.types import Evidence, Paper
from rag.verification.closing_lists import ClosingLists

PAPERS = (
    Evidence(1, Paper("2401.00001", "Pebble: Small Caches", "", authors=("Ada Quill",), date="2024-01-05"), ()),
    Evidence(2, Paper("2305.00002", "Walking Robots on Sand", "", date="2023"), ()),
)
BODY = "Pebble prunes caches [1]. Robots walk [2].\n"
LISTS = [
    "\nReferences:\n[1] Pebble: Small Caches\n[2] Walking Robots on Sand\n",
    "\n## References\n\n1. Quill. Pebble. 2024.\n2. Walking Robots on Sand.\n",
    "\n**Sources**\n- [1] Pebble\n- [2] Robots\n",
    "\n---\n**Sources:**\n- Pebble: Small Caches\n- https://arxiv.org/abs/2305.00002\n",
    "\nReferences: [1] Pebble, [2] Robots\n",
    "\n[^1]: Pebble: Small Caches, 2024\n[^2]: Robots\n",
    "\n[1] Pebble: Small Caches (2024)\n[2] Walking Robots on Sand, arXiv:2305.00002\n",
    "\n参考文献\n[1] Pebble\n",
    "\nWorks cited\n",
    "\n### Bibliography",
    "\n## Papers\n- [1] Pebble: Small Caches\n- [2] Walking Robots on Sand\n",
    "\n### 5. Further reading\n[1] Pebble: Small Caches\n",
    "\n📚 **Sources:**\n[1] Pebble: Small Caches\n",
    "\n### Sources used\n* Pebble: Small Caches [1]\n",
    "\n## References\n| # | Paper |\n|---|---|\n| 1 | Pebble |\n",
    '\n[1]: https://arxiv.org/abs/2401.00001\n[2]: https://arxiv.org/abs/2305.00002 "Robots"\n',
]
KEPT = [
    "\n- [1] Pebble: Small Caches prunes the KV cache by a learnt score.\n",
    "\n[1] shows that caches can be pruned.\n",
    "\n## Sources of error\n- Noise [1]\n",
    "\nReferences to sand are rare [2].\n",
    "\n---\nMore on robots [2].\n",
    "\nSource: the abstracts.\n",
    "\nReferences:\nThe papers say so [1].\n",
    "\n1. Pebble prunes [1].\n2. Robots walk [2].\n",
    "\nNot used in practice, pruning is [1].\n",
]


def passed(text: str, size: int) -> tuple[str, dict[int, str]]:
    lists = ClosingLists(PAPERS)
    out = "".join(lists.feed(text[start : start + size]) for start in range(0, len(text), size)) + lists.flush()
    return out, dict(lists.considered)


@pytest.mark.parametrize("size", [1, 3, 17, 1000])
@pytest.mark.parametrize("closing", LISTS)
def test_list_of_references_is_dropped(closing: str, size: int) -> None:
    assert passed(BODY + closing, size)[0].strip() == BODY.strip()


@pytest.mark.parametrize("size", [1, 3, 1000])
@pytest.mark.parametrize("closing", KEPT)
def test_what_looks_like_references_and_states_something_stays(closing: str, size: int) -> None:
    assert passed(BODY + closing, size) == (BODY + closing, {})


@pytest.mark.parametrize("size", [1, 5, 1000])
@pytest.mark.parametrize("heading", ["Considered, not used:", "## Considered, not used", "**Not used**"])
def test_papers_considered_are_read_with_their_reasons(heading: str, size: int) -> None:
    text = f"{BODY}\n{heading}\n- [2]: about **robots**, not caches\n[7] - a survey\n"
    out, considered = passed(text, size)
    assert (out.strip(), considered) == (BODY.strip(), {2: "about robots, not caches", 7: "a survey"})


@pytest.mark.parametrize("size", [1, 5, 1000])
@pytest.mark.parametrize(
    ("listed", "considered"),
    [
        ("[3], [5]–[7]: on robots\n", {3: "on robots", 5: "on robots", 6: "on robots", 7: "on robots"}),
        ("[3][4] - on robots\n", {3: "on robots", 4: "on robots"}),
        ("[3] on robots; [4] on sand\n", {3: "on robots", 4: "on sand"}),
        ("| [3] | on robots |\n| [4] | on sand |\n", {3: "on robots", 4: "on sand"}),
        ("3: on robots\n4. on sand\n", {3: "on robots", 4: "on sand"}),
        ("Paper [3]: on robots\nPaper 4: on sand\n", {3: "on robots", 4: "on sand"}),
        ("[3]: extends paper 4 and [5]\n", {3: "extends paper 4 and"}),
        ("none", {}),
        ("None.\n", {}),
    ],
)
def test_papers_considered_are_cited_in_no_form(listed: str, considered: dict[int, str], size: int) -> None:
    out, found = passed(f"{BODY}\nConsidered, not used:\n{listed}", size)
    assert (out.strip(), found) == (BODY.strip(), considered)


@pytest.mark.parametrize("size", [1, 5, 1000])
@pytest.mark.parametrize("listed", ["[3] on robots; [4] on sand", "none"])
def test_papers_considered_may_stand_behind_the_heading(listed: str, size: int) -> None:
    assert passed(f"{BODY}\nConsidered, not used: {listed}\n", size)[0].strip() == BODY.strip()


def test_answer_goes_on_after_a_list() -> None:
    text = f"{BODY}\nReferences:\n[1] Pebble\n\n## Outlook\nMore [2].\n"
    assert passed(text, 4)[0] == f"{BODY}\n\n## Outlook\nMore [2].\n"


def test_ordinary_text_is_passed_on_at_once() -> None:
    lists = ClosingLists(PAPERS)
    assert [lists.feed(piece) for piece in ("Pebble", " prunes", " the", " cache.\n", "It", " is")] == [
        "Pebble",
        " prunes",
        " the",
        " cache.\n",
        "It",
        " is",
    ]


@given(st.lists(st.sampled_from(["References", ":", "\n", "[1] ", "- ", "Pebble", "---", " says so.", "#", " "])))
def test_pieces_do_not_matter(parts: list[str]) -> None:
    text = "".join(parts)
    assert passed(text, 1) == passed(text, 1000)
