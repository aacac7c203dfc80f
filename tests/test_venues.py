from __future__ import annotations

import pytest

from rag.text.venues import matches_organisation, matches_venue, named_venue_kinds, venue_kind


@pytest.mark.parametrize(
    ("wanted", "venue"),
    [
        ("ICML", "ICML 2023"),
        ("ICML", "icml2023"),
        ("icml 2023", "icml2023"),
        ("ICML'23", "ICML 2023"),
        ("ICML 2023", "ICML'23"),
        ("ICML23", "ICML 2023"),
        ("NIPS 2018", "NeurIPS 2018"),
        ("NeurIPS 2021", "NeurIPS 2021 Datasets and Benchmarks"),
        ("ACL", "Findings of ACL 2023"),
        ("Nature", "Nature 567, 209 (2019)"),
        ("CONF 1998", "CONF '98"),
        ("ICLR 2025", "ICLR'25"),
        ("ICLR 2025", "International Conference on Learning Representations 2025"),
        ("International Conference on Learning Representations 2025", "ICLR'25"),
        ("ICLR", "The Thirteenth International Conference on Learning Representations (ICLR 2025)"),
        ("ICML", "Proceedings of the 40th International Conference on Machine Learning, PMLR 202"),
        ("CVPR 2023", "2023 IEEE/CVF Conference on Computer Vision and Pattern Recognition (CVPR)"),
        ("NeurIPS", "Advances in Neural Information Processing Systems 36"),
        ("EMNLP", "Conference on Empirical Methods in Natural Language Processing"),
        ("KDD", "Knowledge Discovery and Data Mining"),
        ("blood advances", "Blood Adv"),
        ("Blood", "Blood"),
        ("Nature Communications", "Nat. Commun."),
        ("Journal of Machine Learning Research", "J Mach Learn Res"),
        ("PNAS", "Proc Natl Acad Sci U S A"),
    ],
)
def test_spellings_of_one_venue_match(wanted: str, venue: str) -> None:
    assert matches_venue(wanted, venue)


@pytest.mark.parametrize(
    ("wanted", "venue"),
    [
        ("ICML 2023", "ICML 2024"),
        ("CVPR", "CVPRW 2020"),
        ("ICLR", "ICML 2023"),
        ("'", "ICML 2023"),
        ("Blood", "Blood Adv"),
        ("Blood", "Blood Advances"),
        ("Nature", "Nature Communications"),
        ("JAMA", "JAMA Oncology"),
        ("Cell", "Cell Reports"),
        ("Nat Commun", "Nature Methods"),
        ("International Conference on Machine Learning", "International Conference on Learning Representations"),
        ("ACL", "TACL"),
        ("Advances", "Advances in Neural Information Processing Systems"),
    ],
)
def test_other_venues_do_not_match(wanted: str, venue: str) -> None:
    assert not matches_venue(wanted, venue)


def test_organisation_is_found_by_its_words() -> None:
    assert matches_organisation("Google", "Google DeepMind") and not matches_organisation("Goo", "Google DeepMind")


@pytest.mark.parametrize(
    ("venue", "kind"),
    [
        ("ICML 2024", "conference"), ("NeurIPS'22", "conference"), ("cvpr2019", "conference"),
        ("Proceedings of the Annual Meeting", "conference"), ("SIAM Review 60(2), 2018", "journal"),
        ("PRX Energy 4, 023008 (2025)", "journal"), ("Journal of Small Caches", "journal"),
        ("Workshop on Sand 2023", "workshop"), ("Walrus", None), ("Walruses 21", None), ("icml24", "conference"),
    ],
)  # fmt: skip
def test_kind_of_a_venue_is_read_from_how_it_is_written(venue: str, kind: str | None) -> None:
    assert venue_kind(venue) == kind


def test_type_of_an_entry_says_the_kind_of_its_venue() -> None:
    assert venue_kind("Walrus", "article") == "journal"
    assert venue_kind("Workshop on Sand", "inproceedings") == "workshop"


def test_kinds_of_venues_are_named_alone_or_as_alternatives() -> None:
    assert named_venue_kinds("Journals") == ("journal",) and named_venue_kinds("Nature") == ()
    assert named_venue_kinds("workshop or a conference") == ("workshop", "conference")
    assert named_venue_kinds("workshop or Nature") == ()
