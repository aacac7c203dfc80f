from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from rag.text.normalize import normalize
from rag.types import Paper
from rag.verification import exact
from rag.verification.paper_text import paper_text


def missing_numbers(sentence: str, papers: Sequence[Paper]) -> tuple[str, ...]:
    return exact.missing_numbers(normalize(sentence), [paper_text(each) for each in papers])


def missing_names(sentence: str, papers: Sequence[Paper]) -> tuple[str, ...]:
    return exact.missing_names(normalize(sentence), [paper_text(each) for each in papers])


def paper(abstract: str, title: str = "A title", date: str | None = None) -> Paper:
    return Paper("id", title, abstract, date=date)


@pytest.mark.parametrize(
    ("sentence", "abstract"),
    [
        ("It is 2.57x smaller.", "It cuts memory by 2.57times."),
        ("It is 2.57× smaller.", "It cuts memory by 2.57times."),
        ("It is 2.57 times smaller.", "It cuts memory by 2.57\\times."),
        ("It is ×2.57 smaller.", "It is 2.57-fold smaller."),
        ("It is about 2.6× smaller.", "It cuts memory by 2.57times."),
        ("It saves up to 7.7×.", "It saves up to sim 7.7times memory."),
        ("It falls in 25–40 % fewer trials.", "It falls in 25-40\\% fewer trials."),
        ("It falls in 25-40% fewer trials.", "It falls in 25-40\\% fewer trials."),
        ("It falls in 25% to 40% fewer trials.", "It falls in 25-40\\% fewer trials."),
        ("It falls in 40 percent fewer trials.", "It falls in 25-40\\% fewer trials."),
        ("It is 2.58–5.71× faster.", "It is 2.58-5.71times faster."),
        ("It is 2.58x faster.", "It is 2.58-5.71times faster."),
        ("The accuracy is 97%.", "The accuracy is 97.3%."),
        ("It cuts memory by 50%.", "It halves the memory."),
        ("It needs 0.5x the memory.", "It needs half the memory."),
        ("It is 2x as fast.", "It doubles the speed."),
        ("It is 2 times as fast.", "It is twice as fast."),
        ("It is 10x as fast.", "It is an order of magnitude faster."),
        ("It is twice as fast.", "It is 2x as fast."),
        ("It runs 8 tasks.", "It runs eight tasks."),
        ("A 2-step method.", "A two-step method."),
        ("It has 10,000 samples.", "It has 10000 samples."),
        ("It has 10000 samples.", "It has 10,000 samples."),
        ("It has 10k samples.", "It has 10,000 samples."),
        ("It has 1M samples.", "It has 1 million samples."),
        ("It has 7 billion parameters.", "It is a 7B model."),
        ("It is a 7B model.", "It has 7 billion parameters."),
        ("It takes 0.012 s.", "It takes 12 ms."),
        ("It takes 2 hours.", "It takes 120 minutes."),
        ("It runs on 8 H100 GPUs.", "It runs on 8timesH100."),
        ("It reads 24×224 pixels.", "It reads 24times224 pixels."),
        ("It uses GPT-4, an H100, LLaMA-2-7B and ImageNet-1k.", "It does nothing of the kind."),
        ("It reaches 156 TFLOPS, another only 45.", "It reaches 156 TFLOPS, the other 45 TFLOPS."),
        ("The three differ, and all three help.", "They help."),
        ("No number at all.", ""),
    ],
)
def test_number_that_the_abstract_has_is_not_missing(sentence: str, abstract: str) -> None:
    assert missing_numbers(sentence, [paper(abstract)]) == ()


@pytest.mark.parametrize(
    ("sentence", "abstract", "missing"),
    [
        ("It is 2.5× smaller.", "It cuts memory by 2.57times.", ("2.5x",)),
        ("It is 3 times smaller.", "It cuts memory by 2.57times.", ("3 times",)),
        ("It is 2.571x smaller.", "It cuts memory by 2.57times.", ("2.571x",)),
        ("It falls in 30% fewer trials.", "It falls in 25-40\\% fewer trials.", ("30%",)),
        ("It falls in 40x fewer trials.", "It falls in 25-40\\% fewer trials.", ("40x",)),
        ("The accuracy is 97.3%.", "The accuracy is 97%.", ("97.3%",)),
        ("It runs 9 tasks.", "It runs eight tasks.", ("9",)),
        ("It has 5 tasks.", "It has 4.6 tasks.", ("5",)),
        ("It is a 7B model.", "It is a 13B model.", ("7B",)),
        ("It is a 13B model.", "It is a 7B model of 13 layers.", ("13B",)),
        ("It takes 12 s.", "It takes 12 ms.", ("12 s",)),
        ("It holds 3.5 GB.", "It holds 3.5 MB.", ("3.5 GB",)),
        ("A 4-bit model.", "An 8-bit model.", ("4-bit",)),
        ("It runs 3 of 5.", "It runs nothing.", ("3", "5")),
        ("It reaches only 45.", "It reaches 156 TFLOPS.", ("45",)),
        ("The three models differ.", "They help.", ("3",)),
    ],
)
def test_number_that_the_abstract_lacks_is_missing(sentence: str, abstract: str, missing: tuple[str, ...]) -> None:
    assert missing_numbers(sentence, [paper(abstract)]) == missing


@pytest.mark.parametrize(
    ("sentence", "missing"),
    [
        ("It came in 2024.", ()),
        ("It came in January 2024.", ()),
        ("It came on 2024-01-05.", ()),
        ("It beats those of 2019.", ()),
        ("It came in 2023.", ("2023",)),
        ("It came in January 2023.", ("2023",)),
    ],
)
def test_years_are_those_of_the_date_or_of_the_text(sentence: str, missing: tuple[str, ...]) -> None:
    assert missing_numbers(sentence, [paper("Better than in 2019.", date="2024-01-05")]) == missing


def test_number_may_be_in_the_title_or_in_another_paper() -> None:
    papers = [paper("Nothing.", title="Seven Ways to 12 ms"), paper("It cuts 30%.")]
    assert missing_numbers("Of 7 ways one cuts 30% in 12 ms, not 31%.", papers) == ("31%",)


def test_first_number_of_a_range_has_its_unit() -> None:
    held = paper("It falls in 25-40\\% fewer trials.")
    assert missing_numbers("It falls in 25x fewer trials.", [held]) == ("25x",)


@pytest.mark.parametrize(
    ("sentence", "abstract", "missing"),
    [
        ("It takes 12 milliseconds.", "It takes 12 ms.", ()),
        ("It needs 25% of the memory.", "It needs a quarter of the memory.", ()),
        ("It runs seven tasks.", "It runs 8 tasks.", ("7",)),
        ("It runs eight tasks.", "It runs 8 tasks.", ()),
    ],
)
def test_number_in_words_is_read(sentence: str, abstract: str, missing: tuple[str, ...]) -> None:
    assert missing_numbers(sentence, [paper(abstract)]) == missing


@pytest.mark.parametrize(
    ("sentence", "abstract"),
    [
        ("It serves an LLM.", "It serves large language models."),
        ("It serves LLMs.", "It serves large language models."),
        ("It serves LLMs.", "It serves an LLM."),
        ("It serves an LLM.", "It serves LLMs."),
        ("It learns by RL.", "It learns by reinforcement learning."),
        ("The KV-cache shrinks.", "The KV cache shrinks."),
        ("The KV cache shrinks.", "The KV-cache shrinks."),
        ("It beats GPT-4.", "It beats GPT4."),
        ("It beats GPT4.", "It beats GPT-4."),
        ("It walks on Sand.", "It walks on sand."),
        ("Robots walk.", "Nothing of the kind."),
        ("It is 2x as fast at 7B in 12ms.", "It is fast."),
    ],
)
def test_name_that_the_abstract_has_is_not_missing(sentence: str, abstract: str) -> None:
    assert missing_names(sentence, [paper(abstract)]) == ()


@pytest.mark.parametrize(
    ("sentence", "abstract", "missing"),
    [
        ("Pebble beats Marble.", "Pebble prunes.", ("Marble",)),
        ("It beats Marble, and Marble loses.", "Pebble prunes.", ("Marble",)),
        ("It runs GPT-4 on an H100.", "It runs GPT-3 on a GPU.", ("GPT-4", "H100")),
        ("It learns by RL.", "It learns by supervision.", ("RL",)),
        ("It runs on iOS.", "It runs on phones.", ("iOS",)),
    ],
)
def test_name_that_the_abstract_lacks_is_missing(sentence: str, abstract: str, missing: tuple[str, ...]) -> None:
    assert missing_names(sentence, [paper(abstract)]) == missing


@pytest.mark.parametrize(
    ("sentence", "abstract"),
    [
        ("It came in January 2024.", "It prunes."),
        ("It learns by RLHF.", "It learns by reinforcement learning from human feedback."),
        ("As Pebble shows, I think so.", "Pebble prunes."),
        ("It caches X, not K and V.", "Keys and values are not cached."),
    ],
)
def test_month_pronoun_or_acronym_is_no_missing_name(sentence: str, abstract: str) -> None:
    assert missing_names(sentence, [paper(abstract, date="2024-01-05")]) == ()


def test_record_of_a_paper_is_part_of_it() -> None:
    papers = [replace(paper("It prunes.", date="2022-05-27"), venue="NeurIPS'22", authors=("Ann Reef",))]
    sentence = "Reef published it on 2022-05-27 at NeurIPS'22."
    assert (missing_numbers(sentence, papers), missing_names(sentence, papers)) == ((), ())
    assert missing_names("Stone published it at ICLR.", papers) == ("ICLR",)


def test_own_counts_of_a_sentence_are_not_missing() -> None:
    texts = [paper_text(paper("It prunes."))] * 3
    assert exact.missing_numbers("Two prune, one merges, 4 slip, and 2 GB go.", texts, range(4)) == ("4", "2 GB")
