"""Names of topics: the words and word pairs that distinguish a group of papers from the others.

Class-based TF-IDF, Grootendorst, BERTopic: Neural topic modeling with a class-based TF-IDF procedure (2022), with one
change: a term's frequency is the number of titles and abstracts that use it, so that no paper dominates its group.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from rag.text.latex import latex_to_text
from rag.types import Paper

_TERMS = 3  # in a name
_PAIR = 1.7  # a pair of words says more than a word of the same weight
_SHARED = 0.5  # of a word's papers in which a pair has it: then the pair stands for the word
_WORD = re.compile(r"[^\W\d_][\w]*(?:[-’'][\w]+)*")
_PLURALS = (
    *((ending, ending) for ending in ("ss", "us", "is", "ias", "series")),
    *((f"{ending}es", ending) for ending in ("ss", "x", "ch", "sh")),
    ("ies", "y"),
    ("s", ""),
)
_ADDRESS = re.compile(r"\S*(?://|www\.|@)\S*|\S+\.(?:com|org|io|net|ai)\b\S*")
_NO_NAME, _ALL = "Other papers", "All papers"
_FUNCTION = frozenset(
    "able about above across after again against all allow allowing almost along already also although always among"
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
_OF_PAPERS = frozenset(
    "ability abstract academic accuracy achieve achieved achieves achieving additional additionally address"
    " addresses advance advances aim aims analysis analyze application applications applied apply approach"
    " approaches architecture art aspect author authors automatic automatically available based baseline baselines"
    " benchmark benchmarks billion build building capabilities capability capable case cases challenge challenges"
    " challenging code codebase common commonly comparable compare compared comparison complex comprehensive compute"
    " conduct consistent consistently consists contribution contributions costs crucial current data dataset"
    " datasets demonstrate demonstrated demonstrates demonstrating description design designed develop developed"
    " developing development direct directly diverse domain domains easily effect effectiveness efficiency emerging"
    " empirical empirically enhance enhanced enhances enhancing ensure entire establish evaluate evaluated"
    " evaluating evaluation evaluations evidence example examples excel experience experiment experimental"
    " experiments explore explores extensive extensively facilitate fail findings focus framework frameworks"
    " function future gap generalize github goal good guarantee guarantees https impact impressive improve improved"
    " improvement improvements improves improving include includes increase increased increasing independent"
    " information insight insights interest investigate issue issues knowledge known lack lead leading leads learn"
    " learned learning level leverage leverages leveraging limitation limitations limited linear main maintaining"
    " method methods metric metrics model modeling modelling models multiple network networks note observation"
    " observe observed obtain obtained obtaining open outperform outperforming outperforms outputs paper papers part"
    " performance performs pipeline play point popular possible potential practical present presents previous"
    " previously principled prior problem problems process produce project promising propose proposed proposes"
    " provide provides providing public publicly quality question questions rate real recently reduce reduces"
    " reducing relationship release released rely remain remains report require required requirement requirements"
    " requires requiring research researchers resource result resulting results robust role scale series set sets"
    " setting settings size solution solutions solve sota source space standard state state-of-the-art step"
    " strategies strategy studies study success successfully suggest superior support system systems task tasks"
    " technical technique techniques tend tends term test theoretical theoretically time title total train trained"
    " training types typically understand understanding unified validate variety version website work works"
    " world".split()
)  # what papers say of themselves, whatever they are about
_COMMON = _FUNCTION | _OF_PAPERS
_HEADS = frozenset(
    "benchmark dataset design evaluation learning model modeling network system training".split()
)  # no name alone, but with the word before: "language model"


def topic_names(groups: Sequence[Sequence[Paper]]) -> tuple[str, ...]:
    """Name groups of papers by up to three terms each, the most distinctive first; no two names share a term."""
    if len(groups) == 1:
        return (_ALL,)
    used = [[_terms(text) for paper in group for text in (paper.title, paper.abstract)] for group in groups]
    spelling = _spellings(paper for group in groups for paper in group)
    counts = [Counter(term for terms in group for term in terms) for group in used]
    overall = sum(counts, Counter[str]())
    average = sum(overall.values()) / max(len(groups), 1)
    taken: set[str] = set()
    names: dict[int, str] = {}
    for place in sorted(range(len(groups)), key=lambda place: (-len(groups[place]), place)):
        weights = _weights(counts[place], overall, average, least=_least(len(groups[place])))
        chosen = _chosen(weights, counts[place], taken)
        taken.update(chosen)
        names[place] = ", ".join(_spelt(term, spelling) for term in chosen) or _NO_NAME
    return tuple(_distinct([names[place] for place in range(len(groups))]))


def _least(size: int) -> int:
    """Return how many titles and abstracts of a group must use a term for it to be in the name."""
    return max(2, round(size / 7))


def _weights(count: Mapping[str, int], overall: Mapping[str, int], average: float, least: int) -> dict[str, float]:
    """Weigh the terms of one group: tf × ln(1 + A / f), A being the mean number of terms of a group.

    Multiplied by the group's share of all uses of the term: what half the groups say distinguishes none.
    """
    return {
        term: used * math.log1p(average / overall[term]) * used / overall[term] * (_PAIR if " " in term else 1)
        for term, used in count.items()
        if used >= least
    }


def _chosen(weights: Mapping[str, float], counts: Mapping[str, int], taken: set[str]) -> list[str]:
    """Choose the best terms; a word that mostly occurs in a pair gives way to the pair, and no word is repeated."""
    chosen: list[str] = []
    words: set[str] = set()
    for term in sorted(weights, key=lambda term: (-weights[term], term)):
        pairs = [pair for pair in weights if " " in pair and term in pair.split()]
        absorbed = any(counts[pair] >= _SHARED * counts[term] and pair not in taken for pair in pairs)
        if term in taken or absorbed or words & set(term.split()):
            continue
        chosen.append(term)
        words.update(term.split())
        if len(chosen) == _TERMS:
            break
    return chosen


def _terms(text: str) -> set[str]:
    """List the words and pairs of neighbouring words of a text, in lower case and in the singular."""
    found: set[str] = set()
    before, end = "", -1
    for match in _WORD.finditer(_plain(text)):
        word = _singular(match[0])
        named = not _common(match[0].lower(), word)
        if before and match.start() == end + 1 and (named or word in _HEADS):
            found.add(f"{before} {word}")
        if named:
            found.add(word)
        before, end = (word if named else ""), match.end()
    return found


def _plain(text: str) -> str:
    return _ADDRESS.sub(" ", latex_to_text(text))


def _common(written: str, word: str) -> bool:
    parts = re.split(r"[-’']", written)
    return len(word) < 2 or bool({written, word} & _COMMON) or all(part in _COMMON for part in parts)


def _singular(word: str) -> str:
    """Reduce a word to lower case and a plural to its singular, "Policies" as "policy", so that both are one term."""
    lower = word.lower()
    if re.fullmatch(r"[A-Z]{2,}s", word):
        return lower[:-1]
    for ending, singular in _PLURALS:
        if lower.endswith(ending) and (ending == singular or len(word) > len(ending) + 2):
            return lower[: -len(ending)] + singular
    return lower


def _spellings(papers: Iterable[Paper]) -> dict[str, str]:
    """Map each word to the way that abstracts write its singular most often: "llm" to "LLM"."""
    written: dict[str, Counter[str]] = {}
    for paper in papers:
        for word in _WORD.findall(_plain(paper.abstract)):
            key = _singular(word)
            form = word[: len(key)] if key.startswith(word[: len(key)].lower()) else key
            written.setdefault(key, Counter())[form] += 1
    return {key: min(forms, key=lambda form: (-forms[form], form)) for key, forms in written.items()}


def _spelt(term: str, spelling: Mapping[str, str]) -> str:
    return " ".join(spelling.get(word, word) for word in term.split())


def _distinct(names: Sequence[str]) -> Iterable[str]:
    """Yield the names, equal ones numbered."""
    seen: Counter[str] = Counter()
    for name in names:
        seen[name] += 1
        yield name if seen[name] == 1 else f"{name} {seen[name]}"
