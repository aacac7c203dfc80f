from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.text.citation_markers import MarkerScanner, substitute_markers
from rag.types import Evidence, Paper
from rag.verification.marker_filter import MarkerFilter

PIECES = st.lists(
    st.sampled_from(
        [
            "[",
            "]",
            "1",
            "2",
            "9",
            "12",
            ", ",
            ";",
            "–",
            "—",
            "-",
            " ",
            "\t",
            "\n",
            "【",
            "】",
            "［",
            "］",
            "a",
            ".",
            "[1]",
            "**",
            "_",
            "\\",
            "<b>",
            "</b>",
        ]
    )
    | st.sampled_from(["[3, 4]", "[0]", "[2–1]", "٣", "[1](", "[[1]]"])
)


def paper(n: int) -> Evidence:
    return Evidence(n, Paper(f"2412.1031{n}", f"Pebble {'I' * n}: Small Caches", ""), ())


def run(pieces: Sequence[str], numbers: Sequence[int] = (1, 2, 3)) -> tuple[str, list[int], int]:
    markers = MarkerFilter(map(paper, numbers))
    shown = "".join(markers.feed(piece) for piece in pieces) + markers.flush()
    return shown, markers.cited, markers.unknown


@pytest.mark.parametrize(
    ("written", "shown", "cited", "unknown"),
    [
        ("True [1].", "True [1].", [1], 0),
        ("True [1, 3].", "True [1][2].", [1, 3], 0),
        ("True [1; 3].", "True [1][2].", [1, 3], 0),
        ("True [ 1 ,3 ].", "True [1][2].", [1, 3], 0),
        ("True [1–3].", "True [1][2][3].", [1, 2, 3], 0),
        ("True [1—3].", "True [1][2][3].", [1, 2, 3], 0),
        ("True [3-1].", "True [1][2][3].", [1, 2, 3], 0),
        ("True [1, 2–3].", "True [1][2][3].", [1, 2, 3], 0),
        ("True [1][2].", "True [1][2].", [1, 2], 0),
        ("True [2][1].", "True [1][2].", [2, 1], 0),
        ("True [1, 1].", "True [1].", [1], 0),
        ("True 【2】 and ［1］.", "True [1] and [2].", [2, 1], 0),
        ("True【3】。", "True[1]。", [3], 0),
        ("True [3]. False [1]. True [3][2].", "True [1]. False [2]. True [1][3].", [3, 1, 2], 0),
        ("True [12].", "True.", [], 1),
        ("True [1, 9].", "True [1].", [1], 1),
        ("True [2–5].", "True [1][2].", [2, 3], 2),
        ("True [0].", "True.", [], 1),
        ("True [99999999999].", "True.", [], 1),
        ("True [1-99999999].", "True.", [], 1),
        ("Plain [a] and x[i].", "Plain [a] and x[i].", [], 0),
        ("Empty [] and [ ].", "Empty [] and [ ].", [], 0),
        ("Open [1", "Open", [], 0),
        ("Open [1, ", "Open", [], 0),
        ("Open [", "Open [", [], 0),
        ("", "", [], 0),
    ],
)
def test_markers_are_checked_and_made_uniform(written: str, shown: str, cited: list[int], unknown: int) -> None:
    assert run([written]) == (shown, cited, unknown)
    assert run(list(written)) == (shown, cited, unknown)


FORMS = [
    ("True【1†source】.", "True[1]."),
    ("True【1†L3-L9】.", "True[1]."),
    ("True [^1].", "True [1]."),
    ("True [1-3].", "True [1][2][3]."),
    ("True [Source 1].", "True [1]."),
    ("True [source: 2].", "True [1]."),
    ("True [Paper 2].", "True [1]."),
    ("True [Paper 1, Paper 3].", "True [1][2]."),
    ("True [doc2].", "True [1]."),
    ("True [doc_2].", "True [1]."),
    ("True [p1].", "True [1]."),
    ("True [Ref. 3].", "True [1]."),
    ("True [No. 3].", "True [1]."),
    ("True [№ 3].", "True [1]."),
    ("True [#3].", "True [1]."),
    ("True [Quelle 1].", "True [1]."),
    ("True [文献1]。", "True [1]。"),
    ("True [1: Small Caches].", "True [1]."),
    ("True [1, p. 3].", "True [1]."),
    ("True [1 and 3].", "True [1][2]."),
    ("True [1 & 3].", "True [1][2]."),
    ("True [1/3].", "True [1][2]."),
    ("True [1..3].", "True [1][2][3]."),
    ("True (1).", "True [1]."),
    ("True (1, 3).", "True [1][2]."),
    ("True (1) (3).", "True [1] [2]."),
    ("True (Source 2).", "True [1]."),
    ("True (see Paper 2).", "True [1]."),
    ("True (Sources 1 and 3).", "True [1][2]."),
    ("True (Paper 1; Paper 3).", "True [1][2]."),
    ("Caches shrink.¹", "Caches shrink.[1]"),
    ("Caches shrink¹,", "Caches shrink[1],"),
    ("Caches shrink⁽¹⁾.", "Caches shrink[1]."),
    ("Caches shrink^1^.", "Caches shrink[1]."),
    ("Caches shrink^[1].", "Caches shrink[1]."),
    ("Caches shrink$^{1,3}$.", "Caches shrink[1][2]."),
    ("Caches shrink<sup>1</sup>.", "Caches shrink[1]."),
    ("Caches shrink <sup>[1]</sup>.", "Caches shrink [1]."),
    ("Caches shrink ①.", "Caches shrink [1]."),
    ("Caches shrink ❶.", "Caches shrink [1]."),
    ("Caches shrink ➀ and grow ➋.", "Caches shrink [1] and grow [2]."),
    ("True [[1]].", "True [1]."),
    ("True [[1], [3]].", "True [1][2]."),
    ("True [[1]](https://arxiv.org/abs/2412.10311).", "True [1]."),
    ("True [1](https://example.org/a_(b)).", "True [1]."),
    ("True [1](#ref-1).", "True [1]."),
    ("True \\cite{1}.", "True [1]."),
    ("True~\\citep[see][p. 2]{1, 3}.", "True~[1][2]."),
    ("True \\citep{1,3}.", "True [1][2]."),
    ("True \\cite{paper1}.", "True [1]."),
    ("True [@1].", "True [1]."),
    ("Caches shrink~[1].", "Caches shrink~[1]."),
    ("True <cite>1</cite>.", "True [1]."),
    ('True <ref id="1"/>.', "True [1]."),
    ("True <cite:1>.", "True [1]."),
    ("True [2412.10311].", "True [1]."),
    ("True [arXiv:2412.10311v2].", "True [1]."),
    ("True (arXiv:2412.10313).", "True [1]."),
    ("True [2412.10311, 2412.10313].", "True [1][2]."),
    ("True [Pebble III: Small Caches].", "True [1]."),
    ("True 〔1〕, ❨1❩ and ［３］.", "True [1], [1] and [2]."),
    ("True ⦋1⦌, ﹝1﹞ and ⌈1⌋.", "True [1], [1] and [1]."),
    ("True「1」.", "True[1]."),
    ("True [１].", "True [1]."),
    ("Paper 2 prunes caches.", "Paper [1] prunes caches."),
    ("Papers 1 and 3 prune.", "Papers [1][2] prune."),
    ("True [1]–[3].", "True [1][2][3]."),
    ("True [1]-[3].", "True [1][2][3]."),
    ("True [1]…[3].", "True [1][2][3]."),
    ("True [1] to [3].", "True [1][2][3]."),
    ("True [Paper 1] through [Paper 3].", "True [1][2][3]."),
    ("True ([1]–[3]).", "True ([1][2][3])."),
    ("True [1]–[2], [3].", "True [1][2], [3]."),
    ("True [**1**].", "True [1]."),
    ("True [*1*, __3__].", "True [1][2]."),
    ("True [**Paper 1**].", "True [1]."),
    ("True **[1]**.", "True [1]."),
    ("True *[1]*, ***[2]*** and __[3]__.", "True [1], [2] and [3]."),
    ("True **[1], [3]**.", "True [1], [2]."),
    ("True **[1]–[3]**.", "True [1][2][3]."),
    ("True **[[1]](https://example.org)**.", "True [1]."),
    ("True **(1)**. So (**3**).", "True [1]. So [2]."),
    ("True <b>[1]</b>.", "True [1]."),
    ("Caches shrink<sup>[1][3]</sup>.", "Caches shrink[1][2]."),
    ("Caches shrink<sup>[1], [3]</sup>.", "Caches shrink[1], [2]."),
    ("Caches shrink <sup>**1**</sup>.", "Caches shrink [1]."),
    ("True [<sup>1</sup>].", "True [1]."),
    ("True [¹] and [①].", "True [1] and [1]."),
    ("Caches shrink¹⁻³.", "Caches shrink[1][2][3]."),
    ("Caches shrink^1,3^.", "Caches shrink[1][2]."),
    ("Caches shrink$^1$.", "Caches shrink[1]."),
    ("Caches shrink\\textsuperscript{1,3}.", "Caches shrink[1][2]."),
    ("True \\[1\\], \\[3\\].", "True [1], [2]."),
    ("True [\u200b1\u200b].", "True [1]."),
    ("True 【1:0†source】.", "True [1]."),
    ("True [1. Small Caches].", "True [1]."),
    ("True [id=1].", "True [1]."),
    ("True [3*].", "True [1]."),
    ("As Source 3 says, it holds.", "As Source [1] says, it holds."),
    ("True [[1](#ref-1), [3](#ref-3)].", "True [1][2]."),
    ("True [^1^].", "True [1]."),
    ("True [1]. It goes step by step [3].", "True [1]. It goes step by step [2]."),
    ("True [1 3].", "True [1][2]."),
    ("True [1 | 3].", "True [1][2]."),
    ("True [1 | Small Caches].", "True [1]."),
    ("True [1 through 3].", "True [1][2][3]."),
    ("True [1 - Small Caches].", "True [1]."),
    ("True [1; Quill et al.].", "True [1]."),
    ("True (1)(3).", "True [1][2]."),
    ("True (1), (3).", "True [1], [2]."),
    ("True [Pebble](https://arxiv.org/abs/2412.10311v2).", "True Pebble [1]."),
    ("True [here](https://arxiv.org/pdf/2412.10313.pdf).", "True here [1]."),
]


@pytest.mark.parametrize(("written", "shown"), FORMS)
def test_forms_that_models_write_are_read(written: str, shown: str) -> None:
    assert run([written])[0] == shown
    assert run(list(written)) == run([written])


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("Two steps: (1) prune, (2) quantize.", None),
        ("(1) Prune.\n(2) Quantize.", None),
        ("They (1) prune and (2) quantize caches.", None),
        ("Caches of 2024 [2] and (2023).", "Caches of 2024 [1] and (2023)."),
        ("Values in [0, 1] hold.", None),
        ("Values in the range [1, 3] hold.", None),
        ("With x ∈ [1, 2] it holds.", None),
        ("The scores [0.1, 0.5] hold.", None),
        ("In layer [3] it holds.", "In layer [ 3 ] it holds."),
        ("By Equation (2).", None),
        ("It is in layer [3].", "It is in layer [ 3 ]."),
        ("By Eq. (2).", None),
        ("See [Table 2] and [Figure 3].", None),
        ("Here x[1] is code.", "Here x[ 1 ] is code."),
        ("Code `a[1]` and text [1].", "Code `a[ 1 ]` and text [1]."),
        ("```\na[1] = (2)\n```\nText [1].", "```\na[ 1 ] = (2)\n```\nText [1]."),
        ("A tick ` is open.\nText [3].", "A tick ` is open.\nText [1]."),
        ("By 10¹ and 10² times.", None),
        ("An R² of 2, m², O(n²) and x^{2}.", None),
        ("A 2^3^ and 10^[2].", "A 2^3^ and 10^[ 2 ]."),
        ("True [1]. So (2).", "True [1]. So (2)."),
        ("Section (2) says.", None),
        ("A chunk size of f(2).", None),
        ("The [MASK] token and [CLS].", None),
        ("Some [very small] caches.", None),
        ("\\textbf{1} and \\alpha.", None),
        ("Only abstract 9 is missing.", None),
        ("The [1–2]-hop paths [3].", "The [1][2]-hop paths [3]."),
        ("Between 2019 and [2019–2023].", None),
        ("Costs $5 and ^ too.", None),
        ("**Caches**[1]**shrink** and **bold [3]**.", "**Caches**[1]**shrink** and **bold [2]**."),
        ("Code `**[1]**` and `\\[1\\]`.", "Code `**[ 1 ]**` and `\\[1\\]`."),
        ("From 2 [1] – [3] says – to 5.", "From 2 [1] – [2] says – to 5."),
        ("A *word*, a_b_c, x**2 and \\[x = 1\\].", None),
        ("Spans [1]-[x] hold.", None),
    ],
)
def test_numbers_that_cite_nothing_stay(written: str, shown: str | None) -> None:
    assert run([written])[0] == (shown or written)
    assert run(list(written)) == run([written])


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("True [Quill et al., 2024].", "True [1]."),
        ("True (Quill et al., 2024).", "True [1]."),
        ("True (Quill & Stone, 2024b).", "True [1]."),
        ("True [Quill and Stone (2024)].", "True [1]."),
        ("True (Quill 2024; van der Berg, 2023).", "True [1][2]."),
        ("True (Wang, 2023).", "True (Wang, 2023)."),  # of two papers
        ("True (Kingma and Ba, 2014).", "True (Kingma and Ba, 2014)."),
        ("It grew (since June 2024).", "It grew (since June 2024)."),
        ("It grew (by 3 until 2024).", "It grew (by 3 until 2024)."),
    ],
)
def test_first_author_and_year_cite_the_only_paper_that_they_fit(written: str, shown: str) -> None:
    authors = [("Ada Quill", "2024"), ("Cem van der Berg", "2023"), ("Li Wang", "2023"), ("Bo Wang", "2023")]
    sent = [
        Evidence(n, Paper(str(n), f"Paper {n}", "", authors=(name, "Bo Stone"), date=year), ())
        for n, (name, year) in enumerate(authors, start=1)
    ]
    for pieces in ([written], written):
        markers = MarkerFilter(sent)
        assert "".join(map(markers.feed, pieces)) + markers.flush() == shown


def test_twelve_is_no_one_and_two_where_there_are_nine() -> None:
    assert run(["True [12]. So [9]."], range(1, 10)) == ("True. So [1].", [9], 1)
    assert run(["True [1", "2]. So [9]."], range(1, 13)) == ("True [1]. So [2].", [12, 9], 0)


@given(st.lists(st.sampled_from(["Yes [1, 3]. ", "No [7]", " [2–3]", "【1】", "text ", "[", "]", "\n"])), st.data())
def test_cuts_between_pieces_change_nothing(parts: list[str], data: st.DataObject) -> None:
    text = "".join(parts)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)))))
    pieces = [text[start:end] for start, end in pairwise([0, *cuts, len(text)])]
    assert run(pieces) == run([text])


@given(PIECES)
def test_shown_numbers_rise_from_one_in_order_of_first_appearance(pieces: list[str]) -> None:
    shown, cited, _ = run(pieces)
    numbers = [int(number) for number in re.findall(r"\[(\d+)\]", shown)]
    assert list(dict.fromkeys(numbers)) == list(range(1, len(cited) + 1))
    assert set(cited) <= {1, 2, 3}
    assert len(set(cited)) == len(cited)


@pytest.mark.parametrize(
    "text",
    [
        "True (Quill (2024)) and (van der Berg, (2023)).",
        "True (Quill,\n2024) and (Quill 2024;\nWang 2023).",
        "True ~~[1]to(2)~~ or *[1]and[3]*.",
        "In step [1](#a) it is, in step [3]  too.",
        "True <cite>Quill and van der Berg, of 2024, and also of 2023 </cite>.",
    ],
)
def test_each_form_is_held_back_until_it_is_complete(text: str) -> None:
    for cut in range(len(text)):
        scanner = MarkerScanner(lambda found, before: "[1]")
        read = scanner.feed(text[:cut]) + scanner.feed(text[cut:]) + scanner.flush()
        assert read == substitute_markers(text, lambda found, before: "[1]")


@given(PIECES)
def test_each_character_alone_gives_the_same(pieces: list[str]) -> None:
    assert run(list("".join(pieces))) == run(["".join(pieces)])


def test_endless_marker_is_not_held_back_for_ever() -> None:
    markers = MarkerFilter(map(paper, [1, 2, 3]))
    assert len("".join(markers.feed("[1" + ", 1" * 10) for _ in range(100))) > 2000


@given(PIECES)
def test_no_more_than_two_hundred_characters_are_held_back(pieces: list[str]) -> None:
    markers = MarkerFilter([])
    fed = shown = 0
    for piece in pieces:
        plain = re.sub(r"[\d٣]", "x", piece)
        fed += len(plain)
        shown += len(markers.feed(plain))
        assert fed - shown <= 200


def test_text_without_a_bracket_is_shown_at_once() -> None:
    markers = MarkerFilter([paper(1)])
    assert [markers.feed(piece) for piece in ("Pebble ", "prunes", " it", ".")] == ["Pebble", " prunes", " it", "."]


def test_only_numbers_that_were_sent_are_known() -> None:
    assert run(["One [1], two [2], all [1-3]."], [2, 3]) == ("One, two [1], all [1][2].", [2, 3], 2)


def test_number_that_is_admitted_later_is_known_from_then_on() -> None:
    markers = MarkerFilter([paper(1)])
    shown = markers.feed("One [2]. ")
    markers.admit(paper(2))
    assert shown + markers.feed("Two [2].") + markers.flush() == "One. Two [1]."
    assert (markers.cited, markers.unknown) == ([2], 1)


def test_number_of_ninety_digits_names_nothing() -> None:
    markers = MarkerFilter(map(paper, [1, 2, 3]))
    shown = markers.feed(f"It works [{'9' * 90}] and [1, {'9' * 90}].") + markers.flush()
    assert (shown, markers.unknown) == ("It works and [1].", 2)
