"""Names of topics: the phrases of titles that say best which papers are in a group and which are not.

A phrase is taken as a test of whether a paper is in the group, and valued by its F0.5 (van Rijsbergen, 1979), in which
precision counts twice as much as recall.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence, Set
from itertools import chain

from rag.text.latex import latex_to_text
from rag.types import Paper

_MAX_WORDS = 4  # of a name, not counting its "and"
_SEVERAL = 2  # titles of a group, or papers where no titles do, that have a phrase of its name
_SINGLE = 0.7  # of the value of a phrase is that of a single word
_MIN_SHARE = 1 / 12  # share of a group that has a phrase, for it to be in a name
_PRECISE = 1 / 3  # share of the papers that have it that are in the group
_ALONE = 0.2  # share of a group that has a phrase, for it to be a name without a second one
_WORD = re.compile(r"(?<![\w-])[^\W\d_][\w]*(?:[-’'][\w]+)*")
_PLURALS = (
    *((ending, ending) for ending in ("ss", "us", "is", "ias", "series")),
    *((f"{ending}es", ending) for ending in ("ss", "x", "ch", "sh")),
    ("ies", "y"),
    ("s", ""),
)
_ADDRESS = re.compile(r"\S*(?://|www\.|@)\S*|\S+\.(?:com|org|io|net|ai)\b\S*")
_NO_NAME, _ALL = "Other papers", "All papers"
_JOINING = "of"  # within a phrase, not at its ends
_FUNCTION = frozenset(
    "a able about above across after again against all allow allowing almost along already also although always among"
    " an and another any are around as at be because been before being best better between beyond both but by can"
    " cannot could despite did different do does doing done down due during each effective effectively efficient"
    " efficiently either enable enables enabling end enough especially etc even every existing far few finally first"
    " five for four from full fully further furthermore general given great had half has have having hence here high"
    " higher highly how however if important in including indeed instead into introduce introduced introduces"
    " introducing is it its itself just key large largely larger last later latter least less like little low lower"
    " made mainly make makes making many may might more moreover most much must namely near nearly need needed needs"
    " neither new no nor not novel now number of off often on once one only onto or other others our out over own"
    " particular particularly per perhaps please quite rather recent reveal same second see several should show"
    " showing shown shows significant significantly simple simply since single small smaller so some specific"
    " specifically still strong such take takes taking than that the their them then there thereby therefore these"
    " they third this those though three through throughout thus to together too toward towards two under unlike"
    " until up upon us use used useful user users uses using various very via was way ways we well were what when"
    " where whereas whether which while who whole whose why wide widely will with within without would yet you"
    " your".split()
)  # and adverbs, and the verbs and adjectives of praise

Phrase = tuple[str, ...]
"""The words of a phrase as they are counted: in lower case, in the singular, without hyphens."""


def topic_names(groups: Sequence[Sequence[Paper]]) -> tuple[str, ...]:
    """Name groups of papers by two to four words where there are such; no two names share a phrase."""
    if len(groups) == 1:
        return (_ALL,)
    titles = [[_phrases(paper.title) for paper in group] for group in groups]
    abstracts = [[_phrases(paper.abstract) for paper in group] for group in groups]
    in_titles = [Counter(chain.from_iterable(found)) for found in titles]
    in_papers = [
        Counter(chain.from_iterable({**title, **abstract} for title, abstract in zip(*each, strict=True)))
        for each in zip(titles, abstracts, strict=True)
    ]
    overall = sum(in_papers, Counter[Phrase]())
    taken: set[Phrase] = set()
    chosen: dict[int, list[Phrase]] = {}
    for place in sorted(range(len(groups)), key=lambda place: (-len(groups[place]), place)):
        counts, size = in_papers[place], len(groups[place])
        values = {
            phrase: _f_measure(counts[phrase], overall[phrase], size) * (1 if len(phrase) > 1 else _SINGLE)
            for phrase in _used(in_titles[place]) or _used(counts)
            if counts[phrase] >= max(_MIN_SHARE * size, _PRECISE * overall[phrase]) and phrase not in taken
        }
        chosen[place] = _chosen(values, counts, size)
        taken.update(chosen[place])
    spelt = _spellings({phrase for each in chosen.values() for phrase in each}, [*chain(*abstracts)], [*chain(*titles)])
    names = [_joined([spelt[phrase] for phrase in chosen[place]]) or _NO_NAME for place in range(len(groups))]
    return tuple(_distinct(names))


def _used(counts: Mapping[Phrase, int]) -> list[Phrase]:
    """Return the phrases that several texts have."""
    return [phrase for phrase, count in counts.items() if count >= _SEVERAL]


def _f_measure(found: int, overall: int, size: int) -> float:
    """Return the F0.5 of a phrase that `found` of the `size` papers of a group have, and `overall` of all."""
    precision, recall = found / overall, found / size
    return 1.25 * precision * recall / (0.25 * precision + recall)


def _chosen(values: Mapping[Phrase, float], counts: Mapping[Phrase, int], size: int) -> list[Phrase]:
    """Choose the best phrase, and a second one where the first is a single word or holds for few papers."""
    best = sorted(values, key=lambda phrase: (-values[phrase], -len(phrase), phrase))
    if not best:
        return []
    first = next((phrase for phrase in best[1:] if _completes(phrase, best[0], counts)), best[0])
    if len(first) > 1 and counts[first] >= _ALONE * size:
        return [first]
    room = _MAX_WORDS - len(first)
    for second in sorted(best, key=lambda phrase: len(phrase) == 1):
        shared = set(first).intersection(second)
        if not shared and len(second) <= room:
            return [first, second]
        if shared == {first[-1]} == {second[-1]} and 1 < len(second) <= room + 1 and len(first) > 1:
            return [first, second]
    return [first]


def _completes(phrase: Phrase, part: Phrase, counts: Mapping[Phrase, int]) -> bool:
    """Return whether a phrase has another one in it, and most of the papers that have that one."""
    within = f" {' '.join(part)} " in f" {' '.join(phrase)} "
    return within and len(phrase) > len(part) and counts[phrase] > counts[part] / 2


def _joined(names: Sequence[str]) -> str:
    """Join names by "and"; a last word that both have is said once: "code and compiler optimization"."""
    if len(names) == 2 and names[0].split()[-1] == names[1].split()[-1]:
        return f"{names[0].rsplit(' ', 1)[0]} and {names[1]}"
    return " and ".join(names)


def _phrases(text: str) -> dict[Phrase, str]:
    """Return the phrases of up to four words of a text that function words do not interrupt, as they are written."""
    found: dict[Phrase, str] = {}
    words: list[str] = []
    starts: list[int] = []
    plain, end = _plain(text), -1
    for match in _WORD.finditer(plain):
        lower = match[0].lower()
        if match.start() != end + 1 or (lower in _FUNCTION and lower != _JOINING):
            words, starts = [], []
        end = match.end()
        if lower in _FUNCTION and lower != _JOINING:
            continue
        words.append(_singular(match[0]).replace("-", ""))
        starts.append(match.start())
        for length in range(1, min(_MAX_WORDS, len(words)) + 1):
            phrase = tuple(words[-length:])
            if _JOINING not in (phrase[0], phrase[-1]):
                found.setdefault(phrase, plain[starts[-length] : end])
    return found


def _plain(text: str) -> str:
    return _ADDRESS.sub(" ", latex_to_text(text))


def _spellings(
    phrases: Set[Phrase], abstracts: Sequence[Mapping[Phrase, str]], titles: Sequence[Mapping[Phrase, str]]
) -> dict[Phrase, str]:
    """Return the most frequent form of each phrase, every word in its most frequent case: "Bayesian", "search"."""
    forms: dict[Phrase, Counter[str]] = defaultdict(Counter)
    cases: dict[str, Counter[str]] = defaultdict(Counter)
    words = {(word,) for phrase in phrases for word in phrase}
    for found in (*abstracts, *titles):
        for phrase in phrases & found.keys():
            forms[phrase][found[phrase].lower()] += 1
    for found in abstracts:  # in titles most words have a capital
        for single in words & found.keys():
            cases[found[single].lower()][found[single]] += 1

    def usual(counts: Counter[str]) -> str:
        return min(counts, key=lambda form: (-counts[form], not form.islower(), form))

    return {
        phrase: " ".join(usual(cases[word]) if word in cases else word for word in usual(counts).split())
        for phrase, counts in forms.items()
    }


def _singular(word: str) -> str:
    """Reduce a word to lower case and a plural to its singular, "Policies" as "policy", so that both are one term."""
    lower = word.lower()
    if re.fullmatch(r"[A-Z]{2,}s", word):
        return lower[:-1]
    for ending, singular in _PLURALS:
        if lower.endswith(ending) and (ending == singular or len(word) > len(ending) + 2):
            return lower[: -len(ending)] + singular
    return lower


def _distinct(names: Sequence[str]) -> Iterable[str]:
    """Yield the names, equal ones numbered."""
    seen: Counter[str] = Counter()
    for name in names:
        seen[name] += 1
        yield name if seen[name] == 1 else f"{name} {seen[name]}"
