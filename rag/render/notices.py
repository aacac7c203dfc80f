"""The words of notices: what was left out, what failed, and what to do about it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from rag.answer import Notice, Relaxation
from rag.query.overrides import describe_filters, filter_phrases
from rag.text.display import display_line, display_title, format_count
from rag.types import Filters, Unapplied, UnappliedReason

_STEPS: Mapping[str, str] = {
    "rewrite": "Rewriting the question",
    "hyde": "Writing a hypothetical abstract to search with",
    "iterate": "Asking for what is missing",
    "screen": "Screening the papers",
}

_TITLES_SHOWN = 5
_WIDER = "--drop papers searches the whole collection."


def notice_text(notice: Notice, flags: bool = True) -> str:
    """Return the words of a notice; with `flags` they name the command-line flags that lift a constraint."""
    if notice.code == "constraints_unmet":
        return _constraints_unmet(**notice.data, flags=flags)
    if notice.code == "mended":
        verb = "Searched for" if notice.data["searched"] else "Read as"
        return f"{verb} “{notice.data['text']}”.{' --as-is searches for what was typed.' * flags}"
    if notice.code == "none_belongs":
        return f"{_WORDS[notice.code](notice.data)} {_WIDER if flags else ''}".rstrip()
    if notice.code == "not_recorded":
        return _not_recorded(notice.data["constraints"], flags)
    return _WORDS[notice.code](notice.data)


def notices_text(notices: Iterable[Notice], flags: bool = True) -> str | None:
    """Return the words of all notices in one paragraph; None where there are none."""
    return " ".join(notice_text(each, flags) for each in notices) or None


def _constraints_unmet(filters: Filters, among_cited: bool, relaxations: Sequence[Relaxation], flags: bool) -> str:
    by_name = filter_phrases(filters)
    none = "None of the papers cited before" if among_cited else "No paper in the collection"
    text = f"{none} is {describe_filters(filters)}."
    if not flags:
        return text
    if among_cited:
        text += f" {_WIDER}"
    one_period = filters.since == filters.until and set(by_name) == {"since", "until"}
    if len(by_name) > 1 and not one_period:
        left = ", ".join(f"{each.papers} if not “{by_name[each.drop]}”" for each in relaxations)
        text += f" Papers that meet the rest: {left}."
    which = "it" if len(by_name) == 1 else "one"
    return f"{text} Lift {which} with --drop {' or --drop '.join(by_name)}, or leave its flag out."


def _not_recorded(constraints: Sequence[str], flags: bool) -> str:
    subjects = {
        "author": "who wrote a paper",
        "author_count": "how many wrote a paper",
        "venue": "where a paper appeared",
    }
    subjects |= {"organisation": "where a paper comes from", "code": "whether a paper has code"}
    text = f"No record in this collection says {' or '.join(subjects[name] for name in constraints)}: it is not known."
    return f"{text} Leave it out with --drop {' --drop '.join(constraints)}." if flags else text


def _unknown_people(nearest: Mapping[str, Sequence[str]]) -> str:
    def sentence(name: str, near: Sequence[str]) -> str:
        alike = ", ".join(display_line(each) for each in near)
        return f"No author here is called “{name}”{f'; the nearest: {alike}' if alike else ''}."

    return " ".join(sentence(name, near) for name, near in nearest.items())


def _expansion_failed(data: Mapping[str, Any]) -> str:
    without = " and ".join(["it", *data["skipped"]])
    return f"{_STEPS[data['step']]} failed: {data['error']} The search went on without {without}."


def _screening(data: Mapping[str, Any]) -> str:
    by_score = f"{data['undecided']} of {data['papers']} papers were decided by their scores alone."
    if data["error"]:
        return f"{_STEPS['screen']} failed: {data['error']} {by_score}"
    return f"{_STEPS['screen']} gave no clear decision for every paper: {by_score}"


def _endpoint_failed_for(data: Mapping[str, Any]) -> str:
    more = f", and {data['skipped']} more were not asked about" if data["skipped"] else ""
    return f"The endpoint failed for {format_count(data['papers'], 'paper')}{more}: {data['error']}"


def _by_reason(parts: Sequence[Unapplied]) -> list[tuple[UnappliedReason, tuple[str, ...]]]:
    reasons = dict.fromkeys(each.reason for each in parts)
    return [(reason, tuple(dict.fromkeys(each.text for each in parts if each.reason == reason))) for reason in reasons]


def _not_applied(reason: UnappliedReason, texts: Sequence[str]) -> str:
    why: Mapping[UnappliedReason, str] = {
        "unreadable": "is not understood exactly",
        "unknown": "matches nothing in the records here",
        "several": "is one of several alternatives, of which no filter can hold all",
        "unsure": "may not be meant as a filter",
    }
    return f"Not applied: {_quoted(texts)}, because it {why[reason]}."


def _excluded(data: Mapping[str, Any]) -> str:
    """Say which papers were left out for belonging to an excluded topic."""
    topic, papers, chance = data["topic"], data["papers"], data["probability"]
    if chance is None:  # a kind of work, which papers say that they are
        text = f"No paper found says that it is one of the “{topic}”, so none was left out."
    else:
        text = f"No paper found belongs to “{topic}” by its title or with a probability of {chance} or more."
    if not papers:
        return text
    shown, left = papers[:_TITLES_SHOWN], len(papers) - _TITLES_SHOWN
    titles = "; ".join(display_title(paper.title) for paper in shown) + (f"; and {left} more" if left > 0 else "")
    sure = f" (by their titles or with a probability of {chance} or more)" if chance else ""
    return f"Left out as “{topic}”{sure}: {format_count(len(papers), 'paper')} ({titles})."


def _quoted(names: Sequence[str], conjunction: str = ", ") -> str:
    return conjunction.join(f"“{name}”" for name in names)


_WORDS: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    # Reading the question
    "off_topic": lambda data: (
        "This does not ask about papers. Ask about what they do, or for papers by topic, date or author."
    ),
    "not_english": lambda data: (
        "The question does not look English. It was searched for as it stands, which finds less than a question in "
        "English does."
    ),
    "not_applied": lambda data: " ".join(_not_applied(reason, parts) for reason, parts in _by_reason(data["parts"])),
    "question_cut": lambda data: f"The question is long: only its first {data['tokens']} tokens were read.",
    "follow_up_by_rules": lambda data: f"The follow-up was read by rules: {data['error']}",
    "nothing_to_undo": lambda data: "There is nothing to undo in this conversation.",
    "nothing_to_lift": lambda data: "No filter was set.",
    # Finding papers
    "excluded": _excluded,
    "searched_anew": lambda data: (
        f"None of the {format_count(data['papers'], 'paper')} cited before meets this: the collection was searched."
    ),
    "none_belongs": lambda data: f"Of the {format_count(data['papers'], 'paper')} cited before, none probably belongs.",
    "none_counted": lambda data: f"Of the {format_count(data['papers'], 'paper')} here, none probably belongs.",
    "no_papers_before": lambda data: "The answer before has no papers.",
    "none_left": lambda data: "No paper of the answer before is left.",
    "no_other_papers": lambda data: "No other paper here is by one of these authors.",
    "next_papers": lambda data: (
        f"These come next; {data['belong'] or 'none'} of the {data['papers']} probably "
        f"{'belong' if data['belong'] > 1 else 'belongs'}."
    ),
    "fewer_belong": lambda data: (
        f"{data['asked']} papers were asked for; {data['papers']} probably "
        f"{'belongs' if data['papers'] == 1 else 'belong'}."
    ),
    "unknown_names": lambda data: (
        f"No paper here is called {_quoted(data['names'], ' or ')}"
        f"{'; those listed mention it' if data['mentioned'] else ''}."
    ),
    "unknown_people": lambda data: _unknown_people(data["nearest"]),
    "unmentioned": lambda data: f"No paper cited here mentions {_quoted(data['names'], ' or ')}.",
    "nothing_on": lambda data: f"No paper here mentions {_quoted(data['names'], ' or ')}.",
    "nearest_only": lambda data: "The papers listed are the nearest, but none of them seems to answer it.",
    "expansion_failed": _expansion_failed,
    "expansion_empty": lambda data: f"{_STEPS[data['step']]} gave nothing to search for.",
    "screening_incomplete": _screening,
    # Writing
    "endpoint_failed": lambda data: f"{data['error']} The extractive answer is shown instead.",
    "endpoint_failed_for": _endpoint_failed_for,
    "context_too_small": lambda data: "No paper fits into CITEDESK_LLM_CONTEXT beside the question and the answer.",
    "papers_left_out": lambda data: f"Only {data['sent']} of {data['papers']} papers fit into CITEDESK_LLM_CONTEXT.",
    "truncated": lambda data: f"The endpoint cut the answer: {data['reason']}.",
    "parts_truncated": lambda data: (
        f"What the model wrote about {format_count(data['papers'], 'paper')} was too long and is cut (…)."
    ),
    "instructions_removed": lambda data: "Removed what repeated the instructions to the model.",
    "markers_removed": lambda data: f"Removed {format_count(data['markers'], 'citation number')} without a source.",
    # Checking what was written
    "nothing_cited": lambda data: "The model cited no paper, so nothing can be checked.",
    "check_failed": lambda data: f"The model's own check failed: {data['error']} The verdicts are the local model's.",
    "check_incomplete": lambda data: (
        f"The model's own check gave no verdict with a verbatim quote for {data['left']} of "
        f"{format_count(data['sentences'], 'sentence')}: the local model's stand there."
    ),
    "all_removed": lambda data: (
        "No sentence that the model wrote was supported. The extractive answer is shown instead."
    ),
    "corrected": lambda data: f"Corrected or removed {format_count(data['sentences'], 'unsupported sentence')}.",
    "not_corrected": lambda data: (
        f"Could not correct {format_count(data['sentences'], 'unsupported sentence')}: {data['reason']}"
    ),
}
