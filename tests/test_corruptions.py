from __future__ import annotations

import re

import pytest

from eval.claims.antonyms import ANTONYMS
from eval.claims.corruptions import KINDS, plant


@pytest.mark.parametrize(
    ("sentence", "planted"),
    [
        ("The method is robust.", "The method is not robust."),
        ("It can be trained.", "It can not be trained."),
        ("This reduces memory.", "This does not reduce memory."),
        ("We achieve it.", "We do not achieve it."),
        ("It has improved recall.", "It has not improved recall."),
        ("The method is not robust.", "The method is robust."),
        ("It cannot be trained.", "It can be trained."),
        ("The model fails to converge.", "The model manages to converge."),
        ("There is no significant gain.", "There is a significant gain."),
    ],
)
def test_a_negation_is_put_in_or_taken_out(sentence: str, planted: str) -> None:
    assert plant(sentence, "negation") == planted


@pytest.mark.parametrize(
    ("sentence", "planted"),
    [
        ("Accuracy increases.", "Accuracy decreases."),
        ("Faster decoding.", "Slower decoding."),
        ("It runs without labels.", "It runs with labels."),
        ("Our model outperforms it.", "Our model underperforms it."),
    ],
)
def test_an_antonym_stands_in_a_words_place_and_keeps_its_capital(sentence: str, planted: str) -> None:
    assert plant(sentence, "antonym") == planted


@pytest.mark.parametrize(
    "sentence", ["It works as well as BERT.", "In short, we tried.", "Trained with respect to it.", "We use Fast RCNN."]
)
def test_set_phrases_and_names_have_no_opposite(sentence: str) -> None:
    assert plant(sentence, "antonym") is None


def test_a_number_becomes_another_of_the_same_form() -> None:
    planted = plant("Recall rises by 12.5% on 1,000 questions.", "number")
    assert planted and re.fullmatch(r"Recall rises by [\d.]+% on [\d,]+ questions.", planted)
    assert planted != "Recall rises by 12.5% on 1,000 questions."


def test_a_percentage_does_not_pass_a_hundred_and_a_year_stays_a_year() -> None:
    for seed in range(20):
        share, year = plant("It reaches 90%.", "number", seed), plant("It dates from 2017.", "number", seed)
        assert share and float(share[11:-2]) <= 100
        assert year and 2010 <= int(year[14:-1]) <= 2022


@pytest.mark.parametrize("sentence", ["We use GPT-4 and ResNet50.", "As in [3], 2D inputs.", "See 2401.00001v2."])
def test_the_digits_of_names_and_citations_are_no_numbers(sentence: str) -> None:
    assert plant(sentence, "number") is None


def test_number_words_are_numbers() -> None:
    planted = plant("Two stages follow.", "number")
    assert planted and planted.endswith(" stages follow.") and not planted.startswith("Two") and planted[0].isupper()


def test_nothing_is_planted_where_there_is_no_place_for_it() -> None:
    assert [plant("A survey.", kind) for kind in KINDS] == [None, None, None]


def test_the_seed_chooses_the_place_and_repeats_it() -> None:
    sentence = "The larger model is faster, is better, is cheaper and is stronger."
    assert plant(sentence, "antonym", 4) == plant(sentence, "antonym", 4)
    assert len({plant(sentence, "antonym", seed) for seed in range(20)}) > 2


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown kind of error paper: use one of number, negation, antonym"):
        plant("A sentence.", "paper")  # type: ignore[arg-type]


def test_no_word_is_its_own_opposite() -> None:
    assert not [word for word, others in ANTONYMS.items() if word in others]
