"""Read one question from what the encoder says of it: its kind, and filters from the stretches that it tagged.

The encoder decides what a stretch is. The code here normalises its text, and never drops it in silence: what cannot be
normalised, or what nothing in the library matches, is `Query.unapplied`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import cast

from rag.corpus.ids import find_ids, without_prefix
from rag.corpus.titles import head_key, is_short_title, is_title
from rag.index.papers import PaperStore
from rag.models.encoder import EncodedQuestion, Tagged
from rag.query.dates import Bounds, join_dates, read_dates
from rag.query.known_names import TOPICS, tag_author_names, tag_paper_names, tag_venue_names
from rag.query.names import LibraryNames, clean_name, clean_place, paper_called
from rag.query.numbers import read_author_count, read_count
from rag.query.orders import read_order
from rag.query.record_fields import fields_asked
from rag.query.tallies import StatedTally, as_list, read_tally, states_tally, without_field
from rag.text.dates import next_date, previous_date
from rag.text.identifiers import is_identifier, is_proper_name
from rag.text.tokens import tokenize
from rag.text.venues import same_venue
from rag.text.work_types import split_work_types, work_type
from rag.types import Filters, FollowUp, Kind, Order, Query, Unapplied, UnappliedReason

_SURE = 0.5  # a probability below it says that something else is likelier
_SURER = 0.85  # of a lookup, which cites one paper alone, and of off-topic, which cites none
_LONGEST = 120  # characters of a stretch
_LONGEST_TITLE = 300
_WITHOUT = frozenset("without no not none missing lacking lack lacks closed unreleased unavailable t".split())
_EXCLUDING = frozenset(
    "not no non without except excluding exclude excludes excluded excl but other than apart from besides minus skip"
    " drop ignore ignoring leave leaving out aside remove anything anyone anybody everything all any those these them"
    " the ones one papers paper works work articles that which are is were was aren isn weren wasn don didn doesn do"
    " did does t s come came dated published written done by at in of for and with coming please just only"
    " about on regarding concerning that's get rid take filter hide cut nothing else".split()
)
_NEGATING = frozenset(
    "not no non without except excluding exclude excludes minus skip drop ignore ignoring leave leaving remove hide"
    " lacking missing don t".split()
)
_CODE = frozenset("code implementation implementations repo repos repository repositories github".split())
_MOST_BESIDE_ID = 8  # words beside an arXiv id or a DOI: "what is 2401.00001 about?"
_ID_WORDS = frozenset("https http www doi arxiv abs pdf org".split())
_ARTICLES = frozenset(("a", "an", "the"))
_ONE = frozenset("paper one article preprint publication study work".split())
_SEVERAL = frozenset("papers articles preprints publications studies works".split())
_PAPERS = _ONE | _SEVERAL | frozenset("ones those these anything".split())
_ABOUT = frozenset("about on regarding in for with using into around".split())
_BEFORE_PERSONS = (_PAPERS - {"study", "work"}) | frozenset(
    "by did does do has have had is was from of with and".split()
)
_SORTED = frozenset("first top by from order ordered sorted to".split())
_SINGULAR = frozenset(("is", "was"))
_WORD = re.compile(r"[^\W_]+")


@dataclass(slots=True)
class _Found:
    """What the stretches of a question state so far."""

    values: dict[str, object] = field(default_factory=dict)
    dates: list[Bounds] = field(default_factory=list)
    authors: list[tuple[Tagged, str]] = field(default_factory=list)
    excluded: list[str] = field(default_factory=list)
    unapplied: list[Unapplied] = field(default_factory=list)
    stated: dict[str, Unapplied] = field(default_factory=dict)
    order: Order | None = None
    ordering: str = ""
    lists: bool = False
    count: int | None = None

    def applies(self, each: Tagged, text: str) -> bool:
        """Return whether a stretch is normalised to a filter, an order or a count."""
        said = text[each.start : each.end]
        return each.probability >= _SURE and all(part.text != said[:_LONGEST] for part in self.unapplied)


class QuestionReader:
    """Reads single questions about the papers of one library."""

    def __init__(self, papers: PaperStore, today: Callable[[], date]) -> None:
        """`today` returns the date that resolves relative dates such as "last year"."""
        self._papers = papers
        self.names = LibraryNames(papers)
        self._today = today

    def read(self, encoded: EncodedQuestion, as_kind: Kind | None = None) -> Query:
        """Read a question by itself; with `as_kind` it is one of this kind."""
        text = encoded.text
        follow_up = cast(FollowUp, max(encoded.follow_ups, key=lambda name: encoded.follow_ups[name]))
        if as_kind is None and (named := self._named_by_id(encoded, follow_up)):
            return named
        if len(text) <= _LONGEST_TITLE and is_title(text, self._papers.titled(text).values()):
            return Query(text, "lookup", text, follow_up=follow_up)
        kind, sure = _kind(encoded.kinds) if as_kind is None else (as_kind, True)
        if as_kind is None and kind == "metadata" and _tokens(text)[:1] == ["why"]:
            kind = "fact"  # no record says why
        tags: Sequence[Tagged] = self.with_known_names(encoded).tags
        alone = as_kind is None and follow_up in ("none", "new")
        if alone:
            tags = [replace(each, tag="topic") if self._is_property(each, text) else each for each in tags]
            if not any(each.tag in TOPICS for each in tags):
                tags = [replace(each, tag="topic") if self._is_no_person(each, text) else each for each in tags]
        tally = read_tally(text) if as_kind is None and kind not in ("off-topic", "help") else None
        if tally:
            tags = [replace(each, end=each.start + len(without_field(text[each.start : each.end]))) for each in tags]
            tags = [each for each in tags if not states_tally(text[each.start : each.end])]
        tags = _joined(tags, text)
        if kind == "off-topic" and any(each.tag == "author" and each.probability == 1 for each in tags):
            kind = "metadata"
        topics = [each for each in tags if each.tag in TOPICS]
        if (
            kind == "lookup"
            and _is_alone(topics, text)
            and not is_short_title(text, self._papers.titled(text).values())
        ):
            kind, sure = "list", False  # a topic, or a title that no paper has: nothing says that one is meant
        found = self._found(text, tags, kind)
        filters = Filters(**found.values)  # type: ignore[arg-type]
        constrained = bool(filters or found.order or found.count)
        if tally:
            return _counting(text, tally, filters, found, topics, follow_up)
        if kind in ("summary", "lookup") and filters.author and not topics:
            kind = "list"  # of what somebody wrote, whatever it is about
        read_as = kind
        kind, subjects, by_topic = self._subjects(kind, text, topics, constrained, ordered=found.order is not None)
        only_topic = (read_as, kind) == ("metadata", "list")
        if alone and kind == "compare" and encoded.kinds["compare"] * _chance_of_sides(tags) < _SURE:
            kind, sure = "list", False
        if len(subjects) == 1 and kind == "metadata":
            filters = replace(filters, code=None)  # "does Pebble have code?" asks for its record, whatever that says
        if by_topic and as_kind is None and found.count is None and _speaks_of_one(text[: topics[0].start]):
            found.count = 1
        if kind == "metadata" and found.unapplied and not (filters or subjects):
            if alone and not topics and any(each.reason != "unsure" for each in found.unapplied):
                subjects = tuple(each.text for each in found.unapplied if each.tag == "organisation")
            else:
                kind = "list"  # the records would list every paper
        return Query(
            text,
            kind,
            _about(topics, text)
            if only_topic
            else _listed(text, topics)
            if kind == "summary"
            else _sought(text, topics, [each for each in tags if each.tag not in TOPICS and found.applies(each, text)]),
            filters,
            found.order,
            found.count if found.order or kind not in ("fact", "lookup") else None,
            subjects,
            tuple(dict.fromkeys(found.excluded)),
            by_topic,
            follow_up=follow_up,
            unsure=() if sure else ("kind",),
            unapplied=tuple(found.unapplied),
        )

    def with_known_names(self, encoded: EncodedQuestion) -> EncodedQuestion:
        """Return a question with the names that the records know tagged as what they are."""
        text = encoded.text
        tags = tag_paper_names(encoded.tags, text, self._is_head, self.names.has_author)
        tags = tag_author_names(tags, text, self.names.has_author)
        tags = [replace(each, tag="author", probability=1.0) if self._is_author(each, text) else each for each in tags]
        return replace(encoded, tags=tuple(tag_venue_names(tags, text, self.names.venue)))

    def _is_author(self, each: Tagged, text: str) -> bool:
        """Return whether a topic is an author's name of several words."""
        name = text[each.start : each.end]
        return each.tag == "topic" and len(name.split()) > 1 and self.names.has_author(name)

    def _named_by_id(self, encoded: EncodedQuestion, follow_up: FollowUp) -> Query | None:
        """Return the lookup of the papers whose arXiv ids or DOIs a question has, or of their records if it asks for
        these; None if it says much else.
        """
        text = encoded.text
        ids = dict(find_ids(text))
        rest = text
        for stretch in ids.values():
            rest = rest.replace(stretch, " ")
        if not ids or len(_tokens(rest)) > _MOST_BESIDE_ID:
            return None
        of_records = encoded.kinds.get("metadata", 0.0) >= _SURER and not _ID_WORDS.issuperset(_tokens(rest))
        found = {each: self._papers.ids_at(self._papers.papers_with("id", without_prefix(each))) for each in ids}
        chosen = tuple(dict.fromkeys(paper_id for papers in found.values() for paper_id in papers))
        return Query(
            text,
            "metadata" if of_records else "lookup",
            ". ".join(self._papers[paper_id].title for paper_id in chosen) or text,
            papers=chosen,
            fixed=True,
            follow_up=follow_up,
            unapplied=tuple(Unapplied(each, "id", "unknown") for each, papers in found.items() if not papers),
        )

    def _subjects(
        self, kind: Kind, text: str, topics: Sequence[Tagged], constrained: bool, ordered: bool
    ) -> tuple[Kind, tuple[str, ...], bool]:
        """Return the kind as the topics allow, the names to compare or to look up in the records, and whether a topic
        selects the papers of which the records are asked."""
        sides = [each for each in topics if each.tag == "side"]
        names = tuple(dict.fromkeys(_words(text, each) for each in (sides if len(sides) > 1 else topics)))
        every = tuple(dict.fromkeys(_words(text, each) for each in topics))
        if ordered and kind in ("list", "compare") and len(every) > 1 and all(map(self.names_paper, every)):
            return "metadata", every, False
        if kind == "compare":
            return kind, names, False
        if kind == "summary" and len(every) == 1 and self.names_paper(every[0]):
            return kind, every, False
        if kind == "metadata" and topics:
            if any(map(self.names_paper, every)):
                return kind, every, False
            if not ordered and (name := _name_asked_of(text, topics)):
                return kind, (name,), False
            if not (constrained or len(sides) > 1 or fields_asked(text)):
                return "list", (), False  # which papers there are, and nothing of their records
            return (kind, names, False) if len(sides) > 1 else (kind, (), True)
        if kind == "list" and constrained and not topics:
            return "metadata", (), False
        return kind, (), False

    def _is_head(self, name: str) -> bool:
        """Return whether a title has a name before its colon."""
        return bool(self._papers.keys_held("head", (head_key(name),)))

    def names_paper(self, name: str) -> bool:
        """Return whether a paper is called by a name."""
        return paper_called(name, self._papers) is not None

    def _found(self, text: str, tags: Sequence[Tagged], kind: Kind) -> _Found:
        """Normalise all stretches; where papers are listed, a name that no paper has is a filter all the same."""
        found = _Found(lists=kind == "list")
        must_match = kind in ("list", "metadata", "summary")
        for each in tags:
            if each.tag in TOPICS or _ARTICLES.issuperset(_tokens(text[each.start : each.end])):
                continue
            said = text[each.start : each.end]
            if each.probability >= _SURE:
                reason = "unreadable" if len(said) > _LONGEST else self._add(found, each, text, must_match)
                if reason == "unreadable" and not tokenize(said):
                    continue  # words such as "and" state nothing
                found.unapplied += [Unapplied(said[:_LONGEST], each.tag, reason)] if reason else []
            elif len(said) <= _LONGEST and self._add(_Found(), each, text, must_match=True) is None:
                found.unapplied.append(Unapplied(said, each.tag, "unsure"))
        self._add_authors(found, text, must_match)
        since, until = join_dates(found.dates)
        found.values |= {"since": since, "until": until}
        return found

    def _add(self, found: _Found, each: Tagged, text: str, must_match: bool) -> UnappliedReason | None:
        """Normalise a stretch; returns why it is not applied, None if it is."""
        said = text[each.start : each.end]
        part = Unapplied(said, each.tag, "several")
        if each.tag == "date":
            bounds = read_dates(said, self._today())
            found.dates += [bounds] if bounds else []
            return None if bounds else "unreadable"
        if each.tag == "order":
            order = read_order(said) or read_order(f"{_last_word(text[: each.start])} {said}")
            found.order = (read_order(f"{found.ordering} {said}") or order) if order else found.order
            found.ordering += f" {said}" if order else ""
            before = "" if found.lists else text[: each.start]
            if order and found.count is None and _asks_for_one(before, said, text[each.end :]):
                found.count = 1
            return None if order else "unreadable"
        if each.tag == "count":
            count = read_count(said)
            found.count = count or found.count
            return None if count else "unreadable"
        if each.tag == "author count":
            least, most = read_author_count(said) or (None, None)
            if least or most:
                return self._set(found, part, least_authors=least, most_authors=most)
            order = read_order(said)
            if order not in ("most authors", "fewest authors"):
                return "unreadable"
            found.order = order
            found.count = found.count or (1 if not found.lists and _speaks_of_one(text[: each.start]) else None)
            return None
        if each.tag == "author":
            found.authors.append((each, said))
            return None
        if each.tag == "code":
            words = _tokens(said)
            stated = not _EXCLUDING.issuperset(words)
            return self._set(found, part, code=_WITHOUT.isdisjoint(words)) if stated else "unreadable"
        if each.tag == "exclusion":
            return self._exclude(found, part)
        return self._add_place(found, part, must_match)

    def _set(self, found: _Found, part: Unapplied, **values: object) -> UnappliedReason | None:
        """Set filters that a part of the question states; of two that differ neither is set."""
        before = next((found.stated[name] for name in values if name in found.stated), None)
        if before is None:
            found.values |= values
            found.stated |= dict.fromkeys(values, part)
            return None
        if all(_same(found.values.get(name), value) for name, value in values.items()):
            return None
        if any(found.values.pop(name, None) is not None for name in values):
            found.unapplied.append(replace(before, reason="several"))
        return "several"

    def _add_place(self, found: _Found, part: Unapplied, must_match: bool) -> UnappliedReason | None:
        """Set a venue or an organisation; the records seldom name organisations, so an unknown one excludes nothing."""
        name = clean_place(part.text)
        if not _tokens(name):
            return "unreadable"
        if part.tag == "venue" and (self.names.venue(name) or must_match):
            return self._set(found, part, venue=name)
        if part.tag == "organisation" and self.names.organisation(name):
            return self._set(found, part, organisation=name)
        if self.names.venue(name):  # tagged as an organisation
            return self._set(found, part, venue=name)
        return "unknown"

    def _add_authors(self, found: _Found, text: str, must_match: bool) -> None:
        """Set the authors, all of whom must have written a paper; of alternatives none can be preferred."""
        names: dict[str, Tagged] = {}
        for each, said in found.authors:
            for name in self.names.split_authors(said):
                known = self.names.author(name)
                if known or must_match:
                    names.setdefault(known or name, each)
                else:
                    found.unapplied.append(Unapplied(name, "author", "unknown"))
            if not self.names.split_authors(said):
                found.unapplied.append(Unapplied(said, "author", "unreadable"))
        if not names:
            return
        spans = [each for each, _ in found.authors]
        between = text[min(each.start for each in spans) : max(each.end for each in spans)]
        if len(names) > 1 and "or" in _tokens(between):
            found.unapplied += [Unapplied(name, "author", "several") for name in names]
            return
        first, *others = names
        found.values |= {"author": first, "coauthors": tuple(others)}

    def _exclude(self, found: _Found, part: Unapplied) -> UnappliedReason | None:
        """Set a filter that excludes a date, author, venue or organisation, or else exclude a topic."""
        said, words = part.text, list(_WORD.finditer(part.text))
        kept = [i for i, word in enumerate(words) if word[0].casefold() not in _EXCLUDING]
        if not kept:
            return "unreadable"
        core = said[words[kept[0]].start() : words[kept[-1]].end()]
        if bounds := read_dates(core, self._today()):
            return self._exclude_dates(found, part, bounds)
        if kinds := split_work_types(core):
            found.excluded += kinds
            return None
        author = clean_name(core)
        by = "by" in map(str.casefold, said[: words[kept[0]].start()].split()[-1:])
        named = by or (core[0].isupper() and (" " in author or self.names.is_surname(author)))
        if named and self.names.author(author) == author:
            return self._set(found, part, not_author=author)
        if self.names.venue(core):
            return self._set(found, part, not_venue=core)
        if self.names.organisation(core):
            return self._set(found, part, not_organisation=core)
        if not _CODE.isdisjoint(_tokens(core)):
            negations = sum(word in _NEGATING for word in _tokens(said))
            return self._set(found, part, code=negations % 2 == 0)
        if not tokenize(core) or read_order(core):  # "nothing earlier"
            return "unreadable"
        found.excluded.append(clean_place(core))
        return None

    def _is_property(self, each: Tagged, text: str) -> bool:
        """Return whether a stretch says what a method does without, as in "quantization without retraining".

        It is then searched for as it is worded, which says more than leaving out the papers on retraining.
        """
        said = text[each.start : each.end]
        words = _tokens(f"{_last_word(text[: each.start])} {said}")
        if each.tag != "exclusion" or "without" not in words[:2] or not _PAPERS.isdisjoint(words):
            return False
        found = _Found()
        self._exclude(found, Unapplied(said, each.tag, "unreadable"))
        return bool(found.excluded) and not any(map(work_type, found.excluded))

    def _is_no_person(self, each: Tagged, text: str) -> bool:
        """Return whether a stretch that is tagged as an author is none, as nobody in the library is called by it.

        It is in lower case, and does not stand behind "by", "did" or "papers"; or it is written as no name of a person
        is, as "MoE", and does not stand behind "by".
        """
        said = text[each.start : each.end]
        if each.tag != "author" or self.names.author(clean_name(said)):
            return False
        before = _last_word(text[: each.start])
        written_otherwise = " " not in said and is_identifier(said)
        return before not in _BEFORE_PERSONS if said.islower() else before != "by" and written_otherwise

    def _exclude_dates(self, found: _Found, part: Unapplied, bounds: Bounds) -> UnappliedReason | None:
        """Exclude a period; all before or after a day is what bounds of the rest say."""
        since, until = bounds
        if since and until:
            return self._set(found, part, not_date=since) if since == until else "unreadable"
        found.dates.append((next_date(until), None) if until else (None, previous_date(since or "")))
        return None


def _counting(
    text: str, tally: StatedTally, filters: Filters, found: _Found, topics: Sequence[Tagged], follow_up: FollowUp
) -> Query:
    """Return the query of a question that counts papers, all that meet its filters or those that belong to its topic.

    The papers of a topic are searched for as a list of them would be.
    """
    if tally.venue_kind and filters.venue is None:
        filters = replace(filters, venue=tally.venue_kind)
    listed = as_list(text) if tally.by == "papers" and not filters else _about(topics, text)
    return Query(
        text,
        "metadata",
        listed if topics else text,
        filters,
        count=(found.count or tally.count) if tally.by != "papers" else None,
        excluded=tuple(dict.fromkeys(found.excluded)),
        subjects=tuple(filter(None, (_name_in(text[each.start : each.end]) for each in topics))),
        by_topic=bool(topics),
        tally=tally.by,
        follow_up=follow_up,
        unapplied=tuple(found.unapplied),
    )


def stated(encoded: EncodedQuestion) -> str:
    """Return the part of a question from its first topic to its last; "" of one with other tags, all without any."""
    topics = [each for each in encoded.tags if each.tag in TOPICS]
    if not encoded.tags:
        return encoded.text
    return encoded.text[topics[0].start : max(each.end for each in topics)] if topics else ""


def has_topic(encoded: EncodedQuestion) -> bool:
    """Return whether a question states a topic."""
    return any(each.tag in TOPICS for each in encoded.tags)


def _sought(text: str, topics: Sequence[Tagged], applied: Sequence[Tagged]) -> str:
    """Return what of a question abstracts can answer: all of it, or its topics where filters say the rest."""
    if not (topics and applied):
        return text
    at, end, parts = topics[0].start, max(each.end for each in topics), []
    for each in applied:
        if at <= each.start < end:
            parts.append(text[at : each.start])
            at = each.end
    return " ".join(" ".join([*parts, text[at:end]]).split())


def _listed(text: str, topics: Sequence[Tagged]) -> str:
    """Return what an overview is searched for: the papers about its topic, unless it asks for papers of some kind."""
    at, rest = 0, []
    for each in topics:
        rest += _tokens(text[at : each.start])
        at = each.end
    rest += _tokens(text[at:])
    if not topics or not _PAPERS.isdisjoint(rest):
        return text
    return _about(topics, text)


def _about(topics: Sequence[Tagged], text: str) -> str:
    return f"Which papers are about {', '.join(_words(text, each) for each in topics)}?"


def _kind(kinds: Mapping[str, float]) -> tuple[Kind, bool]:
    """Return the likeliest kind and whether it is sure; a list if it is not, which shows most and refuses least."""
    best = max(kinds, key=lambda name: kinds[name])
    least = _SURER if best in ("lookup", "off-topic") else _SURE
    return (cast(Kind, best), True) if kinds[best] >= least else ("list", False)


def _chance_of_sides(tags: Iterable[Tagged]) -> float:
    """Return the probability that a comparison has two sides: that the two likeliest stretches are sides."""
    chances = sorted((each.probability for each in tags if each.tag == "side"), reverse=True)
    return chances[0] * chances[1] if len(chances) > 1 else 0.0


def _joined(tags: Iterable[Tagged], text: str) -> list[Tagged]:
    """Join a bare year to the venue before it ("ICML 2023"), what is excluded to its "except", parts of a topic, and
    authors at a comma ("Quill, Ada")."""
    found: list[Tagged] = []
    for each in tags:
        last = found[-1] if found else None
        if last and not text[last.end : each.start].strip("'’- "):
            said = text[last.start : last.end]
            edition = last.tag == "venue" and each.tag == "date" and text[each.start : each.end].strip("'’ ").isdigit()
            excluded = last.tag == "exclusion" and _EXCLUDING.issuperset(_tokens(said))
            phrase = last.tag == each.tag == "topic"
            if edition or excluded or phrase:
                found[-1] = replace(last, end=each.end)
                continue
        if last and last.tag == each.tag == "author" and text[last.end : each.start].strip() == ",":
            found[-1] = replace(last, end=each.end)
            continue
        found.append(each)
    return found


def _same(one: object, other: object) -> bool:
    """Return whether two values of a filter are one, as NeurIPS and NIPS are."""
    both = isinstance(one, str) and isinstance(other, str)
    return one == other or (both and same_venue(str(one), str(other)))


def _asks_for_one(before: str, order: str, after: str) -> bool:
    """Return whether an order stands in the singular: "the newest paper", "which is the newest?"."""
    following = _tokens(after[:_LONGEST])[:2]
    if not _SORTED.isdisjoint((*_tokens(order), *following[1:])):
        return False
    if following:
        return following[0] in _ONE
    return not _SINGULAR.isdisjoint(_tokens(before[-_LONGEST:])[-2:])


def _last_word(text: str) -> str:
    return (_tokens(text[-_LONGEST:]) or [""])[-1]


def _speaks_of_one(before: str) -> bool:
    """Return whether the words before a topic speak of one paper: "who wrote the paper on …"."""
    words = _tokens(before[-_LONGEST:])
    return not _ONE.difference(("one",)).isdisjoint(words) and _SEVERAL.isdisjoint(words)


def _name_asked_of(text: str, topics: Sequence[Tagged]) -> str | None:
    """Return the name of the one paper whose record a question asks for, "Pebble" of "who wrote the Pebble paper?".

    "Who wrote about RLHF?" and "the papers on RLHF" name a topic.
    """
    name = _name_in(text[topics[0].start : topics[0].end]) if len(topics) == 1 else None
    before = [word for word in _tokens(text[: topics[0].start]) if word not in _ARTICLES]
    return name if _ABOUT.isdisjoint(before[-1:]) and _SEVERAL.isdisjoint(_tokens(text)) else None


def _name_in(said: str) -> str | None:
    """Return a stretch that is a name, in capitals or with digits, without "the" and "paper"; None if it is none."""
    name = " ".join(word for word in said.split() if word.casefold() not in _ARTICLES | _ONE)
    return name if is_proper_name(name) else None


def _is_alone(topics: Sequence[Tagged], text: str) -> bool:
    """Return whether a text is one topic and says nothing beside it."""
    return len(topics) == 1 and not _tokens(text[: topics[0].start] + " " + text[topics[0].end :])


def _words(text: str, each: Tagged) -> str:
    return text[each.start : each.end].strip(" ,;:.?!\"“”'")[:_LONGEST]


def _tokens(text: str) -> list[str]:
    return [word.casefold() for word in _WORD.findall(text)]
