from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.corpus.cleaning import clean_abstract, clean_text, clean_title, without_braces


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        (r"{\"O}zg{\"u}r \v{C}ern\'y, S{\o}ren \L ukasz", "Özgür Černý, Søren Łukasz"),
        (r"{{{\emph{Why}}}}{\emph{, }}{{Deep}} nets", "Why, Deep nets"),
        (r"Trade\textendash{{Off}} \textless{}b\textgreater{}now\textless/b\textgreater{}", "Trade–Off now"),
        (r"a gain of 5\,\% \& 20\$", "a gain of 5 % & 20$"),
        (r"memory of $\Theta(n\log n)$, at most $\frac{a}{b}$", "memory of Θ(n log n), at most a/b"),
        (r"costs$\unicode{x2014}$so far of $a \unicode{x2264} b$, 1\unicode{x2013}2", "costs—so far of a ≤ b, 1–2"),
        (r"\tool learns 2.4\times faster, in O(n^{-3}) steps", "tool learns 2.4× faster, in O(n⁻³) steps"),
        ("it costs $5 or $10, 3% of the whole", "it costs $5 or $10, 3% of the whole"),
        (r"kept in C:\new\data", "kept in C:newdata"),
        (r"{Deep} {$\alpha$}-nets: an \emph{outlook on $x$}", "Deep α-nets: an outlook on x"),
        (r"nets~\cite{a,b} and \citep[see][]{c} of 10\textsuperscript{6} {\it units}", "nets and of 10⁶ units"),
        (
            r"see \href{https://a.org/b\_c}{this page}, \url{https://a.org}",
            "see this page (https://a.org/b_c), https://a.org",
        ),
        (r"{\glqq}Ageing{\grqq} of \guillemotleft{}nets\guillemotright{}", "„Ageing“ of «nets»"),
        (r"see \href{https://a.org/b}{\texttt{a.org/b}}", "see https://a.org/b"),
    ],
)
def test_latex_becomes_unicode(text: str, clean: str) -> None:
    assert clean_text(without_braces(text)).replace("\u2009", " ") == clean


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("H<sub>2</sub>O at 5&nbsp;&deg;C, g<sup>&#8722;1</sup>", "H₂O at 5 °C, g⁻¹"),
        ("<jats:p>In <jats:italic>vitro</jats:italic>.</jats:p><jats:p>More.</jats:p>", "In vitro . More."),
        ('<mml:math xmlns:mml="x"><mml:mi>k</mml:mi></mml:math> is <a href="u">here</a>', "k is here"),
        ("&amp;lt;i&amp;gt;twice&amp;lt;/i&amp;gt; escaped", "twice escaped"),
        ("where a <b and c> d, p<0.05, x<y>z, AT&T", "where a <b and c> d, p<0.05, x<y>z, AT&T"),
        ("soft\u00adhyphen,\u200b zero\nwidth", "softhyphen, zero width"),
    ],
)
def test_tags_and_entities_are_gone_and_comparisons_stay(text: str, clean: str) -> None:
    assert clean_text(text).replace("vitro.", "vitro .") == clean


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("Abstract: We test.", "We test."),
        ("<jats:title>Abstract</jats:title><jats:p>Objective. We test.</jats:p>", "We test."),
        ("AIMS: To test. MATERIALS AND METHODS: We did. Conclusions. It holds.", "To test. We did. It holds."),
        (
            "Results in algebra are old. Methods of proof are new.",
            "Results in algebra are old. Methods of proof are new.",
        ),
        ("BERT: a model. See Data 3: it works.", "BERT: a model. See Data 3: it works."),
        ("It holds. © 2005 Wiley Periodicals, Inc.", "It holds."),
        ("It holds. Copyright (C) 2010 Elsevier Ltd. All rights reserved.", "It holds."),
        ("© 2019 IEEE. We show it.", "We show it."),
        ("It holds. (PsycINFO Database Record (c) 2019 APA, all rights reserved)", "It holds."),
        (
            "It holds. [ABSTRACT FROM AUTHOR] Copyright of Nature is the property of X. (Copyright applies.)",
            "It holds.",
        ),
        ("Headnote Purpose - To test. Findings - It holds. [PUBLICATION ABSTRACT]", "To test. It holds."),
        ("It holds. Data: https://a.org", None),
        ("We study who owns data. All rights reserved by users are listed.", None),
        ("[No abstract available]", ""),
        ("NaN", ""),
    ],
)
def test_abstract_begins_with_its_text_and_ends_with_it(text: str, clean: str | None) -> None:
    assert clean_abstract(text) == (text if clean is None else clean)


def test_title_loses_its_full_stop_but_no_abbreviation_does() -> None:
    assert clean_title("Cells of the mouse embryo.") == "Cells of the mouse embryo"
    assert clean_title("Made by Widgets Inc.") == "Made by Widgets Inc."
    assert clean_title("And so on…") == "And so on…"


@given(st.text(max_size=200) | st.from_regex(r"([\\${}<>&;/%~^_a-z0-9 ]|\\text[a-z]+|<sub>|&[a-z]+;){0,40}"))
def test_any_text_is_cleaned_to_one_line(text: str) -> None:
    for clean in (clean_text(text), clean_abstract(text), clean_text(without_braces(text))):
        assert clean == " ".join(clean.split())


def test_unclosed_commands_take_no_exponential_time() -> None:
    assert clean_text(r"\frac{" * 400 + "x") == "frac" * 400 + "x"
