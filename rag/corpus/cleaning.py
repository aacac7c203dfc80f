"""Cleaning of titles, names and abstracts as files have them: LaTeX, HTML and JATS tags, entities, headings, notices.

Done once, when a record is read: what is stored is what is shown, searched, quoted and exported.
"""

from __future__ import annotations

import html
import logging
import re
from functools import cache, lru_cache
from typing import Any

from rag.text.latex import SUBSCRIPTS, SUPERSCRIPTS
from rag.text.sanitize import decode_entities

_COMMAND = re.compile(r"\\(?:[A-Za-z]{2,}|[A-Za-z](?![A-Za-z])|['\"`^~=.%&$#_{}\\,;-])")
_MATH = re.compile(r"\$\$?([^$\s](?:[^$\n]{0,400}[^$\s])?)\$\$?(?!\d)|\\\((.{1,400}?)\\\)", re.DOTALL)
_SCRIPT = re.compile(r"([\^_])(?:\{([^{}]{1,40})\}|([0-9A-Za-z*+-])(?![\w]))")
_BRACED_SCRIPT = re.compile(r"([\^_])\{([^{}\\]{1,40})\}()")
_STRAY_DOLLAR = re.compile(r"(?<=\\times)\$|(?<=\\%)\$")
_WORD_BEFORE_SPACE = re.compile(r"(\\[A-Za-z]{3,})(?=\s|$)")  # LaTeX would read the space as the command's end
_OPERATOR = re.compile(r"(?<=[A-Za-z0-9)])\\(log|ln|exp|min|max|sin|cos|tan|lim|sup|inf|det|dim|arg|deg)(?![A-Za-z])")
_REFERENCE = re.compile(
    r"[~\s]{0,4}\\(?:[A-Za-z]*cite[a-z]*|(?:eq|auto|page|name|[cC])?ref|label)\*?(?:\[[^\]]*\])*\{[^{}]*\}"
)
_CODE_POINT = re.compile(r"\\unicode\s*\{\s*x([0-9A-Fa-f]{1,5})\s*\}")  # of MathJax
_HREF = re.compile(r"\\href\s*\{([^{}]*)\}\s*\{((?:[^{}]|\{[^{}]*\})*)\}")
_SCRIPT_COMMAND = re.compile(r"\\text(super|sub)script\{([^{}]{1,40})\}")
_FORMULA_MARK = 0xF0000  # private use: stands for a formula while the text around it is parsed
_BACKSLASH = re.compile(r"\\(?=[A-Za-z%&$#_{}])")
# From the first command or brace to the last, with the words after a command, which may be its arguments.
_MARKED = re.compile(r"(?=[\\{}]).*(?:[{}]|\\(?:\s*\S+(?:\s+\S+)?)?)", re.DOTALL)
_BRACE = re.compile(r"(?<!\\)[{}]")
_TAGS = (
    # HTML's inline and block elements, JATS's (JATS Archiving 1.3) and MathML's containers
    "a abbr article-title b big bold br center cite code dd div dl dt em ext-link fig font formula graphic h1 h2 h3 h4"
    " h5 h6 hr i img inf inline-formula inline-graphic italic label li list list-item math monospace ol overline p"
    " pre roman s sc sec section small span strike strong styled-content sub subtitle sup table tbody td tex-math th"
    " title tr tt u ul underline xref"
)
_TAG_NAMES = "|".join(sorted(_TAGS.split(), key=len, reverse=True))
_ATTRIBUTES = r"(?:\s+[\w:.-]+\s*=\s*(?:\"[^\"<>]*\"|'[^'<>]*'|[^\s\"'<>]+))*"
_TAG = re.compile(rf"<(/?)(?:jats:|(mml:[a-z]+)|(?=[a-zA-Z]))({_TAG_NAMES})?{_ATTRIBUTES}\s*/?>", re.IGNORECASE)
_BLOCKS = frozenset("br dd div dl dt h1 h2 h3 h4 h5 h6 hr li list list-item ol p sec section table td th tr ul".split())
_SCRIPT_TAG = re.compile(r"<(?:jats:)?(sub|sup|inf)>([^<>]{1,40})</(?:jats:)?\1>", re.IGNORECASE)
_HEADING_TAG = re.compile(r"<(?:jats:)?(title|h[1-6])>([^<>]{1,80})</(?:jats:)?\1>", re.IGNORECASE)
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_CDATA = re.compile(r"<!\[CDATA\[|\]\]>")
_INVISIBLE = re.compile(r"[\u00ad\u200b\u2060\ufeff\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_LONE_SURROGATE = re.compile(r"[\ud800-\udfff]")
_LEAD = re.compile(
    r"(?:abstract|headnote|summary|résumé|resumen|zusammenfassung)\s*(?:[:.—–-]+\s*|\s+(?=[A-Z]))", re.IGNORECASE
)
# The words of which the labels of structured abstracts are made (NLM, Structured Abstracts: Labels and Categories).
_LABEL_WORD = (
    r"(?:abstract|aims?|analysis|analyses|and|approach|assessments?|background|case|clinical|collection|conclusions?"
    r"|context|data|design|discussion|evaluation|evidence|exposures?|extraction|findings?|for|funding|future|goals?"
    r"|hypothes[ie]s|implications?|importance|in|interpretation|interventions?|introduction|key|limitations?|main"
    r"|materials?|measurements?|measures?|methodology|methods?|motivation|novelty|objectives?|observations?|of|or"
    r"|originality|outcomes?|participants?|patients?|perspectives?|points?|population|practice|presentation|primary"
    r"|problem|procedures?|purpose|question|rationale|recommendations?|registration|relevance|report|research"
    r"|results?|sample|scope|secondary|selection|setting|significance|sources?|statement|statistical|studies|study"
    r"|subjects?|synthesis|the|this|trial|value)"
)
_LABEL_HEAD = (
    r"(?:aims?|approach|background|case|conclusions?|context|data|design|discussion|evaluation|evidence|exposures?"
    r"|findings?|funding|goals?|hypothes[ie]s|implications?|importance|interpretation|interventions?|introduction"
    r"|limitations?|main|materials?|measurements?|methodology|methods?|motivation|objectives?|observations?"
    r"|originality|participants?|patients?|population|practical|primary|purpose|rationale|recommendations?|relevance"
    r"|research|results?|sample|scope|setting|significance|statistical|study|subjects?|trial)"
)
_LABEL = re.compile(
    rf"(?:(?<=^)|(?<=[.!?)\]\"”]\s)){_LABEL_HEAD}(?:(?:\s|\s?[&/,-]\s?){_LABEL_WORD}){{0,5}}\s?"
    r"(?::(?!\s*https?:)\s*|\.\s+(?=[A-Z\d])|(?:\s?[—–]\s?|\s-\s)(?=[A-Z]))",
    re.IGNORECASE,
)
_OWNER = r"(?:©|\(c\)|copyright\b|&copy;)"
_NOTICE = re.compile(
    rf"\s*(?:\(?{_OWNER}\s*(?:{_OWNER}\s*)?(?:by\s+)?(?:the\s|\d{{4}}|[A-Z])[^©]{{0,240}}"
    r"|\((?:PsycINFO|PsycInfo|APA PsycInfo)[^()]{0,40}(?:\([^()]*\))?[^()]{0,80}\)"
    r"|(?:[^.]{0,120}\b)?all rights reserved\.?\)?"
    r"|published by (?:elsevier|wiley|springer|oxford university press|mary ann liebert)[^©]{0,120})\s*\Z",
    re.IGNORECASE,
)
# What EBSCO and ProQuest write after an abstract, with the terms of use of its journal.
_ORIGIN = re.compile(
    r"\s*(?:[\[(](?:abstract (?:from|by) [a-z ]{1,30}|publication abstract)[\])]"
    r"|copyright of [^.]{1,200} is the property of )",
    re.IGNORECASE,
)
_NOTICE_CHARACTERS = 400  # at the end of an abstract, in which a notice is looked for
_OWNED = re.compile(r"©|\(c\)|copyright|rights reserved|psycinfo|published by", re.IGNORECASE)
_LEADING_NOTICE = re.compile(
    rf"{_OWNER}\s*\d{{4}}[^.]{{0,80}}\.\s*(?:all rights reserved\.\s*)?(?=[A-Z])", re.IGNORECASE
)
# LaTeX's declarations of fonts and layout, and siunitx's commands: what they apply to stays.
_DECLARATIONS = (
    "bf bfseries centering em footnotesize huge Huge it itshape large Large LARGE mdseries noindent"
    " normalfont normalsize num qty rm rmfamily sc scriptsize scshape sf sffamily SI si sl slshape small tiny tt"
    " ttfamily unit upshape xspace"
)
_LONG_WORD = 6  # letters of a word with a full stop that is hardly an abbreviation
_ABSENT = re.compile(
    r"[\[(]?\s*(?:no (?:abstract|author|title)(?: names?)?(?: is)?(?: available| found| provided)?"
    r"|abstract not available|n/?a|nan|none|null|nil"
    r"|not available|<na>|-+|\?+)\s*[.\])]*",
    re.IGNORECASE,
)


def is_absent(text: str) -> bool:
    """Return whether a text only says that there is none: "", "nan", "[No abstract available]"."""
    return not text.strip() or _ABSENT.fullmatch(text.strip()) is not None


def clean_text(text: str) -> str:
    """Return a text on one line, without LaTeX commands, tags, entities and invisible characters."""
    text = _LONE_SURROGATE.sub("\ufffd", text)
    if "\\" in text or "$" in text:
        text = latex_to_unicode(text)
    for _ in range(3):  # texts are at times escaped twice: "&amp;lt;i&amp;gt;"
        if "<" in text:
            text = _without_tags(text)
        if "&" in text:
            text = decode_entities(text)
    return " ".join(_INVISIBLE.sub("", _LONE_SURROGATE.sub("\ufffd", text)).split())


def clean_title(text: str) -> str:
    """Return a title as `clean_text` does, without the full stop that some databases end it with."""
    text = clean_text(text)
    last = text.split()[-1:] or [""]
    ends = text.endswith(".") and "." not in last[0][:-1] and len(last[0]) >= _LONG_WORD
    return text[:-1] if ends else text


def clean_abstract(text: str) -> str:
    """Return an abstract as `clean_text` does, without run-in headings and publishers' notices; "" for none."""
    text = clean_text(_HEADING_TAG.sub(lambda match: f" {match[2].rstrip(':. ')}: ", text) if "<" in text else text)
    if is_absent(text):
        return ""
    if lead := _LEAD.match(text):
        text = text[lead.end() :]
    if (origin := _ORIGIN.search(text)) and origin.start():
        text = text[: origin.start()]
    text = _LEADING_NOTICE.sub("", text, count=1) if _LEADING_NOTICE.match(text) else text
    end = max(0, len(text) - _NOTICE_CHARACTERS)
    if _OWNED.search(text, end) and (notice := _NOTICE.search(text, end)):
        before = text[: notice.start()].rstrip()
        if before and (before[-1] in ".!?)]”\"'" or text[notice.start() :].lstrip()[:1] in "©("):
            text = before
    return _LABEL.sub("", text).strip()


def without_braces(text: str) -> str:
    """Return a BibTeX value without the braces that keep its case, its LaTeX as Unicode."""
    if "\\" in text or "$" in text:
        text = latex_to_unicode(text)
    text = _BRACE.sub("", text)
    return _ligatures(text).replace("~", "\u00a0")


def _ligatures(text: str) -> str:
    return text.replace("---", "—").replace("--", "–").replace("``", "“").replace("''", "”")


@lru_cache(maxsize=4096)
def latex_to_unicode(text: str) -> str:
    """Return a text with its LaTeX commands and formulas as Unicode; one without them comes back as it is."""
    formulas: list[str] = []

    def mark(match: re.Match[str]) -> str:
        inner = match[1] or match[2] or ""
        if match[2] is None and not re.search(r"[\\^_{}=<>]|\A[^\W\d]\Z", inner):
            return match[0]
        formulas.append(_formula(inner))
        return chr(_FORMULA_MARK + len(formulas) - 1)

    text = _commands(_MATH.sub(mark, text))
    return text.translate({_FORMULA_MARK + i: formula for i, formula in enumerate(formulas)}) if formulas else text


def _formula(text: str) -> str:
    text = _OPERATOR.sub(r" \\\1", _SCRIPT.sub(_script, _with_code_points(text)))
    return _parsed(f"${text}$", text).strip() if "\\" in text else text


def _commands(text: str) -> str:
    if not _COMMAND.search(text):
        return text
    text = _with_code_points(text)
    text = _SCRIPT_COMMAND.sub(lambda match: f"{'^' if match[1] == 'super' else '_'}{{{match[2]}}}", text)
    text = _STRAY_DOLLAR.sub("", _BRACED_SCRIPT.sub(_script, _HREF.sub(_linked, _REFERENCE.sub("", text))))
    marked = _MARKED.search(text)  # the parser goes letter by letter
    before, text, behind = (text[: marked.start()], marked[0], text[marked.end() :]) if marked else ("", text, "")
    escaped = re.sub(r"(?<!\\)([%$])", r"\\\1", text)
    escaped = _WORD_BEFORE_SPACE.sub(r"\1{}", escaped)
    escaped = re.sub(r"(?<!\\)~", r"\\textasciitilde{}", escaped)
    return f"{_ligatures(before)}{_parsed(escaped, text)}{_ligatures(behind)}"


def _with_code_points(text: str) -> str:
    return _CODE_POINT.sub(lambda match: chr(int(match[1], 16)), text)


def _linked(match: re.Match[str]) -> str:
    """Return the text and the address of a link, or the address alone where the text repeats it."""
    address, text = match[1].strip(), match[2].strip()
    return address if address.partition("://")[2] in text or not text else f"{text} ({address})"


def _parsed(latex: str, text: str) -> str:
    """Return LaTeX as text; what cannot be parsed as `text` without its backslashes and braces.

    pylatexenc 2 is strict here, as what it does with unclosed groups otherwise takes exponential time.
    """
    try:
        return str(_latex().latex_to_text(latex, tolerant_parsing=False))
    except Exception:  # it raises several types for what is no LaTeX, RecursionError among them
        return _BACKSLASH.sub("", _BRACE.sub("", text))


def _script(match: re.Match[str]) -> str:
    raised, inner = match[1] == "^", match[2] or match[3]
    return _shifted(inner, raised) or (f"{match[1]}({inner})" if len(inner) > 1 else match[0])


def _shifted(text: str, raised: bool) -> str | None:
    """Return digits and signs as superscripts or subscripts; None where Unicode lacks one."""
    table = SUPERSCRIPTS if raised else SUBSCRIPTS
    plain = text.strip().replace("\u2212", "-").replace("\u2013", "-")
    return plain.translate(table) if plain and all(ord(character) in table for character in plain) else None


def _without_tags(text: str) -> str:
    def shifted(match: re.Match[str]) -> str:
        return _shifted(html.unescape(match[2]), match[1].lower() == "sup") or match[2]

    before, end, after = text.rpartition("-->")  # after it no comment ends
    text = _CDATA.sub("", _COMMENT.sub("", before + end) + after)
    return _TAG.sub(_tag, _SCRIPT_TAG.sub(shifted, text))


def _tag(match: re.Match[str]) -> str:
    name = (match[3] or "").lower()
    if not name and not match[2]:
        return match[0]
    return " " if name in _BLOCKS or name == "title" else ""


@cache
def _latex() -> Any:
    from pylatexenc.latex2text import LatexNodes2Text, MacroTextSpec, get_default_latex_context_db

    logging.getLogger("pylatexenc").setLevel(logging.CRITICAL)  # it warns of what is no LaTeX
    symbols = {
        "textless": "<", "textgreater": ">", "textbar": "|", "textbackslash": "\\", "textasciitilde": "~",
        "textasciicircum": "^", "textbraceleft": "{", "textbraceright": "}", "textdollar": "$", "textunderscore": "_",
        "textquotesingle": "'", "slash": "/", "textmu": "µ", "textdegree": "°", "textpm": "±", "texttimes": "×",
        "glqq": "„", "grqq": "“", "flqq": "«", "frqq": "»", "textperiodcentered": "·", "url": "%s", "ensuremath": "%s",
        ",": "\u2009", ";": " ", "-": "", "/": "",
    }  # fmt: skip
    macros = [
        MacroTextSpec(name, value) for name, value in (dict.fromkeys(_DECLARATIONS.split(), "") | symbols).items()
    ]
    context = get_default_latex_context_db()
    context.add_context_category("text", prepend=True, macros=macros)
    context.set_unknown_macro_spec(MacroTextSpec("", simplify_repl=lambda node: node.macroname))
    return LatexNodes2Text(context, math_mode="text", keep_comments=True, strict_latex_spaces=False)
