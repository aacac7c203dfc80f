"""A model's text without what is not its answer: reasoning, the special tokens of chat templates, and wrappers.

A mark is recognised by its shape and its words, not by a list of models: a name between brackets (`<think>`, `[THINK]`,
`◁think▷`, `<|begin_of_thought|>`, `<seed:think>`), a channel or role of a chat template
(`<|channel|>analysis<|message|>`), a code fence (three backticks and `thinking`), details with such a summary, or a
heading at the very beginning ("Reasoning:") that a later one ends ("Final answer:").
"""

from __future__ import annotations

import re
from collections.abc import Callable

_REASONING = frozenset(
    "think thinking thought thoughts reason reasoning rationale analysis commentary scratchpad cot reflection"
    " deliberation monologue".split()
)
_ANSWER = frozenset("answer final response solution output reply".split())
_ROLES = frozenset("assistant model system user developer".split())
_ENDS = ("end", "stop", "eot")
_OPENS_HEADER = re.compile(r"(?:im_)?start|channel|start_header_id|start_of_turn|unused\d+", re.IGNORECASE)
_TEMPLATE_TAG = re.compile(
    r"s|bos|eos|pad|unk|sep|cls|eot|eom|im_(?:start|end)|(?:start|end|begin)_of_\w+|unused\d+", re.IGNORECASE
)
_TEMPLATE_WORDS = ("INST", "SYS", "cite_start", "cite_end")
_NAME = r"/?[A-Za-z][\w:.▁-]{0,40}"
_WORD = re.compile(r"[A-Z]?[a-z]+|[^\W\d_a-z]+")  # of a name in camel case, too
_REASONING_NAME = rf"[\w:.▁-]{{0,20}}(?i:{'|'.join(sorted(_REASONING))})"
_ATTRIBUTES = r"(?:\s[^<>\n]{0,80})?"
_BEGUN_DETAILS = r"<details\b[^<>\n]{0,80}(?:>\s{0,4}(?:<s?u?m{0,2}a?r?y?(?:>[^<>\n]{0,60}(?:<[/a-z]{0,8})?)?)?)?"
_DETAILS = r"<details\b[^<>\n]{0,80}>\s{0,4}<summary>"
_MARK = re.compile(
    r"<(?=[|｜]|\w{1,48}[|｜])[|｜]?(?P<token>[^<>|｜◁⟨«\n]{1,48})[|｜]?>"
    rf"|{_DETAILS}(?P<details>[^<>\n]{{1,60}})</summary>|<(?P<tag>{_NAME}|\s?/?\s?{_REASONING_NAME}{_ATTRIBUTES})>"
    rf"|[◁⟨«](?P<framed>{_NAME})[▷⟩»]"
    r"|\[(?P<square>/?[A-Za-z][A-Za-z_]{2,24})\]"
    r"|(?P<fence>(?:(?<=\n)|\A)[ \t]{0,20}(?:`{3,40}|~{3,40})[ \t]{0,20}(?P<info>[\w-]{0,40})[ \t]{0,20}(?:\n|\Z))"
)
_OPEN_DETAILS = re.compile(rf"{_BEGUN_DETAILS}\Z")
_TOKEN = re.compile(r"<[|｜][^<>|｜\n]{1,48}[|｜]>")
_OPEN_MARK = re.compile(
    r"(?:<[|｜][^<>|｜\n]{0,48}[|｜]?|<\s?/?\s?[\w:.▁-]{0,48}[|｜]?|[◁⟨«]/?[\w:.▁-]{0,40}"
    rf"|<\s?/?\s?{_REASONING_NAME}\s[^<>\n]{{0,80}}"
    rf"|\[/?[A-Za-z_]{{0,24}}|{_BEGUN_DETAILS}"
    r"|(?:(?<=\n)|\A)[ \t]{0,20}(?:`{1,2}|~{1,2}|(?:`{3,40}|~{3,40})[ \t]{0,20}[\w-]{0,40}[ \t]{0,20})?)\Z"
)
_MAX_HEADER = 200  # characters
_HEADER = re.compile(rf"(?P<said>[^<\n]{{0,{_MAX_HEADER}}})(?P<end>\n|(?=<)|\Z)")
_KEPT = 60  # characters of reasoning that are held back, as a mark may begin there
_LONGEST = 250  # characters of a mark or a heading: only so many at the end of a text are read more than once
_PLAIN_FENCES = ("", "markdown", "md", "text", "txt", "plaintext")
_BARE_ANALYSIS = re.compile(r"\A\s{0,60}analysis(?=[A-Z\"'])")  # gpt-oss, where a server has removed its special tokens
_BARE_FINAL = re.compile(r"assistant\s{0,20}final(?=\S)")
_HEADINGS = ("thinking", "thinking process", "reasoning", "thoughts", "thought", "thought process", "chain of thought")
_INTRODUCTIONS = tuple(f"here{be} {whose}" for be in (" is", "'s", "’s") for whose in ("my", "the", "a"))
_HEADING = re.compile(
    rf"\A[\s*#_>]{{0,60}}(?:here(?: i|['’])s (?:my|the|a) )?(?:{'|'.join(_HEADINGS)})[*_ ]{{0,20}}"
    r"(?::?[*_ ]{0,20}\n|:[*_]{0,20}[ \t]{1,20}\S)",
    re.IGNORECASE,
)
_MAYBE_HEADING = re.compile(r"\A[\s*#_>]{0,60}[A-Za-z'’ ]{0,40}[*_ :\t]{0,80}\Z")
_AROUND_HEADING = re.compile(r"\A[\s*#_>:]+|[\s*#_>:]+\Z")
_FINAL_HEADING = re.compile(
    r"^[ \t*#_>]{0,40}(?:here(?: i|['’])s (?:my|the) )?(?:final )?(?:answer|response)"
    r"(?:[*_ ]{0,20}:[*_]{0,20}\s{0,40}(?=[^*_\s])|[*_ ]{0,20}\n\s{0,40}(?=\S))",
    re.IGNORECASE | re.MULTILINE,
)
_MENTIONS = "`\"'“‘"
_NAMED_AS_REASONING = re.compile(
    r"(?:^|[^a-z0-9])(?:r1|qwq|qvq|think(?:ing|er)|reason(?:ing|er)|magistral)(?![a-z])", re.IGNORECASE
)


class LeakedReasoning(ValueError):
    """A closing mark without an opening one: what had been shown as answer was reasoning."""


def reasons_first(model: str) -> bool:
    """Return whether a model's name says that it reasons first, and so may start inside a block its prompt opened."""
    return bool(_NAMED_AS_REASONING.search(model))


class ReasoningFilter:
    """Passes the answer on and keeps reasoning apart; marks may be split across pieces, and blocks may never end.

    A block opens at the start of the reply or of a line, since an answer may well mention `<think>` tags. With
    `inside`, text is held back until a block opens or closes, or the reply ends without one.
    """

    def __init__(self, inside: bool = False) -> None:
        self.reasoned = False
        self._thoughts = ""
        self._held = ""
        self._read = 0  # characters of the held text in which no mark can begin any more
        self._blank = True  # whether these are blank
        self._state: Callable[[bool], str | None] = self._begin
        self._undecided = inside
        self._closes: Callable[[re.Match[str]], bool] = lambda mark: False
        self._nests: Callable[[re.Match[str]], bool] = lambda mark: False
        self._opened = 0  # the length of the thoughts before the block that is open
        self._depth = 0  # of blocks of the same mark within it
        self._last_close: int | None = None  # where in the thoughts the last of these closed
        self._line_start = True  # whether only white space was passed on of the line
        self._new_line = True  # whether nothing was
        self._trim = False
        self._mentioned = False
        self._emitted_text = False
        self._wrapped = False
        self._last = ""  # character that was passed on

    @property
    def reasoning(self) -> str:
        """The reasoning so far, without the tokens of chat templates."""
        return _TOKEN.sub("", self._thoughts)

    def expect_separate_reasoning(self) -> None:
        """Hold nothing back from now on: the server sends reasoning in a field of its own."""
        self.reasoned = True
        self._undecided = False
        if self._state == self._hold:
            self._release()

    def feed(self, text: str) -> str:
        """Return the answer's text that is certain with this piece; raises LeakedReasoning."""
        self._held += text
        return self._run(final=False)

    def flush(self) -> str:
        """Return what was held back, at the end of the reply; raises LeakedReasoning."""
        text = self._run(final=True)
        if self._state == self._reason:
            self._thoughts += self._held
            self._held = ""
        return text

    def _run(self, final: bool) -> str:
        text = ""
        while (piece := self._state(final)) is not None:
            text += piece
        return text

    def _begin(self, final: bool) -> str | None:
        """Look at how the reply begins; None while that can still be a heading."""
        if _BARE_ANALYSIS.match(self._held):
            self._held = _BARE_ANALYSIS.sub("", self._held)
            self._state = self._reason_bare
            return ""
        head = _AROUND_HEADING.sub("", self._held[:_LONGEST].casefold())
        may_begin = not head or (_MAYBE_HEADING.match(self._held) and _may_be_heading(head))
        if may_begin and not final and len(self._held) < _LONGEST:
            return None
        self._undecided = self._undecided or bool(_HEADING.match(self._held))
        self._state = self._hold if self._undecided else self._answer
        return ""

    def _hold(self, final: bool) -> str | None:
        """Hold text back until it is known whether it is reasoning."""
        heading = _FINAL_HEADING.search(self._held, self._read) if _HEADING.match(self._held) else None
        for mark in _MARK.finditer(self._held, self._read):
            if (heading and heading.start() < mark.start()) or (not final and _may_go_on(mark, self._held)):
                break
            word, closes = _meaning(mark)
            opens = word is not None and not closes and self._blank and self._is_blank(mark.start())
            if mark["token"] or opens:
                return self._release()
            if word in _REASONING and closes:
                return self._end_reasoning(mark.start(), mark.end())
        if heading:
            return self._end_reasoning(heading.start(), heading.end())
        if final:
            return self._release()
        end = max(len(self._held) - _LONGEST, self._read)
        self._blank = self._blank and self._is_blank(end)
        self._read = end
        return None

    def _is_blank(self, end: int) -> bool:
        """Return whether the held text is blank from where it was read up to `end`."""
        return not self._held[self._read : end].strip()

    def _release(self) -> str:
        """Take the held text for the answer."""
        self._state, self._read = self._answer, 0
        return ""

    def _end_reasoning(self, start: int, end: int) -> str:
        """Take the held text up to `start` for reasoning, and go on after the mark that ends it."""
        self._thoughts += self._held[:start]
        self._held, self._read = self._held[end:], 0
        self.reasoned = self._trim = self._line_start = self._new_line = True
        self._state = self._answer
        return ""

    def _reason_bare(self, final: bool) -> str | None:
        self.reasoned = True
        if found := _BARE_FINAL.search(self._held, self._read):
            return self._end_reasoning(found.start(), found.end())
        self._read = max(len(self._held) - _KEPT, 0)
        if final:
            self._state = self._reason
        return None

    def _reason(self, final: bool) -> str | None:
        """Keep reasoning up to the mark that ends it."""
        line_start = len(self._thoughts) == self._opened or self._thoughts.endswith("\n")
        for mark in _MARK.finditer(self._held):
            if mark["fence"] and not (mark.start() or line_start):
                continue
            if not final and _may_go_on(mark, self._held):
                break
            if self._closes(mark) and not self._depth:
                return self._end_reasoning(mark.start(), mark.start() if _is_template(mark) else mark.end())
            if self._closes(mark) or self._nests(mark):
                self._depth += 1 if self._nests(mark) else -1
                self._thoughts += self._held[: mark.end()]
                self._held = self._held[mark.end() :]
                self._last_close = self._last_close if self._nests(mark) else len(self._thoughts)
                return ""
        if final and self._last_close is not None:  # an opening mark within the reasoning was but a mention
            self._held = self._thoughts[self._last_close :] + self._held
            self._thoughts = self._thoughts[: self._last_close]
            return self._end_reasoning(0, 0)
        kept = max(len(self._held) - _KEPT, 0)
        self._thoughts += self._held[:kept]
        self._held = self._held[kept:]
        return None

    def _header(self, final: bool) -> str | None:
        """Read the role or channel that follows a template's token; what is neither is text."""
        header = _HEADER.match(self._held)
        if header and header.end() == len(self._held) and not final and not header["end"]:
            return None
        word, *more = (header["said"].casefold().split() if header else ()) or ("",)
        if header and word in _ROLES | _REASONING | _ANSWER and all(each.startswith("to=") for each in more):
            self._held = self._held[header.end() :]
            self._state = self._answer
            self._line_start = self._new_line = self._trim = True
            if word in _REASONING:
                self._open(_ends_message)
        else:
            self._state = self._answer
        return ""

    def _open(
        self, closes: Callable[[re.Match[str]], bool], nests: Callable[[re.Match[str]], bool] = lambda mark: False
    ) -> None:
        self.reasoned, self._closes, self._nests, self._state = True, closes, nests, self._reason
        self._depth, self._last_close, self._opened = 0, None, len(self._thoughts)

    def _answer(self, final: bool) -> str | None:
        """Pass text on up to the next mark; None if nothing more can be decided."""
        if not self._held:
            return None
        mark = _MARK.search(self._held)
        if mark and not final and _may_go_on(mark, self._held):
            mark = None
        if mark is None:
            open_at = _open_at(self._held)
            return self._emit_before(len(self._held) if open_at is None or final else open_at)
        if mark.start():
            return self._emit_before(mark.start())
        if mark["fence"]:
            return self._at_fence(mark, final)
        self._held = self._held[mark.end() :]
        return self._at_mark(mark)

    def _at_fence(self, mark: re.Match[str], final: bool) -> str | None:
        info = mark["info"].casefold()
        if not self._new_line:  # the text before it on its line was passed on
            self._held = self._held[mark.end() :]
            return self._emit(mark[0])
        if info in _REASONING:
            self._held = self._held[mark.end() :]
            self._open(lambda other: bool(other["fence"]) and not other["info"])
            return ""
        if not self._emitted_text and not self._wrapped and info in _PLAIN_FENCES:
            self._held, self._wrapped = self._held[mark.end() :], True
            return ""
        if self._wrapped and not info and not self._held[mark.end() :].strip():
            if not final:
                return None  # the end of the wrapper, if nothing follows
            self._held = ""
            return ""
        self._held = self._held[mark.end() :]
        return self._emit(mark[0])

    def _at_mark(self, mark: re.Match[str]) -> str:
        word, closes = _meaning(mark)
        if mark["details"] and word and self._line_start:
            self._open(lambda other: _tag(other) == "/details")
            return ""
        if word is None or mark["details"] or (self._last and self._last in _MENTIONS):
            self._mentioned = self._mentioned or word in _REASONING
            return self._emit(mark[0])
        if word in _REASONING:
            return self._at_reasoning_mark(mark, word, closes)
        self._trim = self._trim or not self._emitted_text
        name = mark["token"] or _tag(mark)
        if _OPENS_HEADER.fullmatch(name.strip()):
            self._state = self._header
        return ""

    def _at_reasoning_mark(self, mark: re.Match[str], word: str, closes: bool) -> str:
        if not closes and (self._line_start or mark["token"]):
            self._open(lambda other: _ends(other, word), lambda other: _meaning(other) == (word, False))
            return ""
        if closes and not self._mentioned:
            if self._emitted_text:
                raise LeakedReasoning(mark[0])
            self.reasoned = self._trim = True
            return ""
        self._mentioned = True
        return self._emit(mark[0])

    def _emit_before(self, end: int) -> str | None:
        text, self._held = self._held[:end], self._held[end:]
        return self._emit(text) if text else None

    def _emit(self, text: str) -> str:
        self._new_line = text.endswith("\n") if text else self._new_line
        if self._trim:
            text = text.lstrip()
            self._trim = not text
        line = text.rpartition("\n")
        self._line_start = not line[2].strip() and (bool(line[1]) or self._line_start)
        self._emitted_text = self._emitted_text or bool(text.strip())
        self._last = text[-1:] or self._last
        return text


def _meaning(mark: re.Match[str]) -> tuple[str | None, bool]:
    """Return the word that says what a mark is for, None if it is none, and whether it closes."""
    if mark["details"]:
        return ("details", False) if set(_words(mark["details"])) & _REASONING else (None, False)
    name = (mark["token"] or _tag(mark) or mark["framed"] or mark["square"] or "").strip()
    words = _words(name)
    if not words:
        return None, False
    closes = name.startswith("/") or words[0] in _ENDS
    known = words[-1] in _REASONING or (words[-1] in _ANSWER and not (mark["square"] and not name.isupper()))
    return (words[-1], closes) if known or _is_template(mark) else (None, False)


def _may_go_on(mark: re.Match[str], held: str) -> bool:
    """Return whether what was found may turn out to be of a longer mark: a fence with a word, details with a summary,
    a token with brackets in its name.
    """
    details = _OPEN_DETAILS.search(held, max(len(held) - _LONGEST, 0))
    open_at = _open_at(held)
    return (
        bool(mark["fence"] and not mark[0].endswith("\n"))
        or bool(details and details.start() <= mark.start())
        or (open_at is not None and open_at < mark.start())
    )


def _open_at(held: str) -> int | None:
    """Return where the mark begins that the end of a text may be part of; None where it can be of none."""
    tail = _OPEN_MARK.search(held, max(len(held) - _LONGEST, 0))
    return tail.start() if tail and tail[0] else None


def _tag(mark: re.Match[str]) -> str:
    """Return the name of a tag without its attributes."""
    closes, name = re.fullmatch(r"\s?(/?)\s?(\S*).*", mark["tag"] or "", re.DOTALL).groups()  # type: ignore[union-attr]
    return f"{closes}{name}"


def _words(name: str) -> list[str]:
    return [word.casefold() for word in _WORD.findall(name)]


def _is_template(mark: re.Match[str]) -> bool:
    """Return whether a mark is a special token of a chat template."""
    name = (_tag(mark) or mark["square"] or "").removeprefix("/")
    return bool(mark["token"]) or name in _TEMPLATE_WORDS or bool(mark["tag"] and _TEMPLATE_TAG.fullmatch(name))


def _ends_message(mark: re.Match[str]) -> bool:
    return _is_template(mark) and (mark["token"] or "") not in ("message", "constrain")


def _ends(mark: re.Match[str], word: str) -> bool:
    """Return whether a mark ends reasoning that a mark with this word has opened."""
    found, closes = _meaning(mark)
    return (closes and found == word) or (bool(mark["token"]) and not closes and found in _ANSWER)


def _may_be_heading(head: str) -> bool:
    head = re.sub(r"^here(?: i|['’])s (?:my|the|a) ", "", head)
    return any(each.startswith(head) for each in (*_HEADINGS, *_INTRODUCTIONS, "analysis"))
