"""The JSON that the HTTP API, the MCP tools and the chat page take in and return, each field described once.

Requests are validated by these models. Responses are built by `rag.render.json`; their models document them in the
OpenAPI schema, and tests check that they agree, so that no answer is validated while somebody waits for it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, WithJsonSchema, model_validator
from pydantic.json_schema import SkipJsonSchema
from pydantic_core import ErrorDetails

from rag.answer import Origin, Status
from rag.errors import UsageError
from rag.query.limits import MAX_QUESTION_LENGTH, check_question
from rag.types import ActionName, ExportForm, Filters, FollowUp, Kind, Order, Overrides, Turn, UnappliedReason
from ui.engine_holder import SessionSettings
from ui.feedback import MAX_REASON_LENGTH
from ui.questions import QuestionRequest, overrides_to_json

MAX_HITS = 100
MAX_TURNS = 100
MAX_CITATIONS = 500  # of a rating, and papers to search in
_MAX_NAME_LENGTH = 300  # characters
_MAX_ERROR_LENGTH = 500  # characters of an error, which may quote what was sent

_MESSAGES = {
    "missing": "This field is required",
    "model_type": "Input should be a JSON object",
    "model_attributes_type": "Input should be a JSON object",
}
"""What replaces pydantic's own words, which name Python's types."""

_NO_FIELD = re.compile(r"\W|^[A-Z]|^(?:body|query|str|int|bool|none)$")
"""Parts of an error's path that name no field: where the object came from, and, as of pydantic 2.14, the branch of a
union, as in `literal['up','down']`, `AuthorCount` or `str`."""

_Model = TypeVar("_Model", bound=BaseModel)


def parse(model: type[_Model], value: object) -> _Model:
    """Validate a value as a model; raises UsageError, which names the first field that is wrong."""
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise UsageError(validation_message(error.errors()[0])) from None


def validation_message(error: ErrorDetails | Mapping[str, Any]) -> str:
    """Describe a validation error in one line: the path of the field, and what is wrong with it."""
    message = str(error["msg"])
    if error["type"] == "value_error":  # from a validator below, which writes a whole sentence
        return shorten(message.removeprefix("Value error, ") + ".")
    if error["type"] == "string_too_long":
        message = f"{len(error['input'])} characters are too long; at most {error['ctx']['max_length']} are read"
    path = ".".join(part for part in map(str, error["loc"]) if not _NO_FIELD.search(part))
    message = _MESSAGES.get(error["type"], message).rstrip(".")
    return shorten(f"{path}: {message}." if path else f"{message}.")


def shorten(message: object) -> str:
    """Put a message on one line of bounded length."""
    line = " ".join(str(message).split())
    return line if len(line) <= _MAX_ERROR_LENGTH else line[: _MAX_ERROR_LENGTH - 1] + "…"


# Types of fields


def _encodable(value: object) -> object:
    """Replace half surrogate pairs, which JSON can spell and nothing else takes."""
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else value


def _integer(value: object) -> object:
    """Read digits, as a query string has them."""
    return int(value) if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 7 else value


def _boolean(value: object) -> object:
    """Read true or false, as a query string has them."""
    return {"true": True, "false": False}.get(value, value) if isinstance(value, str) else value


def _date(value: object) -> object:
    """Read a year that is a number as the text it is elsewhere."""
    return str(value) if type(value) is int and 0 <= value <= 9999 else _encodable(value)


def _comma_separated(value: object) -> object:
    """Split the items of a list at commas."""
    if not isinstance(value, list):
        return value
    parts = [part for item in value for part in (item.split(",") if isinstance(item, str) else [item])]
    return [part.strip() if isinstance(part, str) else part for part in parts if part != ""]


def _first_citations(value: object) -> object:
    return value[:MAX_CITATIONS] if isinstance(value, list) else value


def _askable(value: object) -> object:
    """Pass on a question that can be read; a question of null is empty."""
    if value is None or isinstance(value, str):
        try:
            check_question(value or "")
        except UsageError as error:
            raise ValueError(str(error).rstrip(".")) from None
    return value


Text = Annotated[str, BeforeValidator(_encodable)]
AuthorLimit = Annotated[int, Field(ge=1), BeforeValidator(_integer)]
Flag = Annotated[bool, BeforeValidator(_boolean)]
DateBound = Annotated[str, BeforeValidator(_date), WithJsonSchema({"type": ["string", "integer"]})]
Constraint = Literal[
    "since",
    "until",
    "author",
    "coauthors",
    "author_count",
    "venue",
    "organisation",
    "code",
    "not_date",
    "not_author",
    "not_venue",
    "not_organisation",
]
Droppable = Constraint | Literal["excluded", "order", "count", "papers", "action"]
QuestionText = Annotated[
    str,
    Field(max_length=MAX_QUESTION_LENGTH, description="The question."),
    BeforeValidator(_askable),
    BeforeValidator(_encodable),
]
HitCount = Annotated[int, Field(ge=1, le=MAX_HITS, description="How many papers to return."), BeforeValidator(_integer)]
PaperId = Annotated[Text, Field(description="The arXiv id if there is one, else a slug of the title.")]
PaperDate = Annotated[str | None, Field(description="ISO, as precise as known: 2024-07-30, 2024-07 or 2024.")]
Omitted = SkipJsonSchema[None]
"""The type of a field that is left out; null is accepted for it, and the schema does not mention that."""


def _without_null_defaults(schema: dict[str, Any]) -> None:
    for each in schema.get("properties", {}).values():
        if each.get("default", ...) is None:
            del each["default"]


class AuthorCount(BaseModel):
    """Bounds on the number of authors."""

    least: int | Omitted = None
    most: int | Omitted = None

    model_config = ConfigDict(strict=True, extra="forbid", json_schema_extra=_without_null_defaults)


class FiltersSchema(BaseModel):
    """The constraints in force; a bound that is only a year is a number."""

    since: str | int | Omitted = None
    until: str | int | Omitted = None
    author: str | Omitted = None
    coauthors: list[str] | Omitted = None
    author_count: AuthorCount | Omitted = None
    venue: str | Omitted = None
    organisation: str | Omitted = None
    code: bool | Omitted = None
    not_date: str | int | Omitted = None
    not_author: str | Omitted = None
    not_venue: str | Omitted = None
    not_organisation: str | Omitted = None

    model_config = ConfigDict(strict=True, json_schema_extra=_without_null_defaults)


# Requests


class _Request(BaseModel):
    """A JSON object whose fields are all known, and have exactly the types they are said to have."""

    model_config = ConfigDict(strict=True, extra="forbid", json_schema_extra=_without_null_defaults)

    @model_validator(mode="before")
    @classmethod
    def _no_unknown_field(cls, value: object) -> object:
        if isinstance(value, dict):
            names = [field.alias or name for name, field in cls.model_fields.items()]
            if unknown := sorted(str(name) for name in value if name not in names):
                raise ValueError(f"There is no {unknown[0]!r} here; there are {', '.join(names)}")
        return value


class _FilterFields(_Request):
    since: DateBound | Omitted = Field(default=None, description="Only papers of this date or later, as in 2024-03.")
    until: DateBound | Omitted = Field(default=None, description="Only papers of this date or earlier, as in 2024.")
    author: Text | Omitted = Field(default=None, description="Only papers by this person.")
    coauthors: Annotated[list[Text], BeforeValidator(_comma_separated)] | Omitted = Field(
        default=None, description="Only papers by all of these people too."
    )
    least_authors: AuthorLimit | Omitted = Field(
        default=None, description="Only papers with at least this many authors."
    )
    most_authors: AuthorLimit | Omitted = Field(default=None, description="Only papers with at most this many authors.")
    venue: Text | Omitted = Field(default=None, description="Only papers of this venue.")
    organisation: Text | Omitted = Field(default=None, description="Only papers from this organisation.")
    code: Flag | Omitted = Field(default=None, description="Only papers with code (true) or without (false).")
    not_date: DateBound | Omitted = Field(default=None, description="No papers of this year, month or day.")
    not_author: Text | Omitted = Field(default=None, description="No papers by this person.")
    not_venue: Text | Omitted = Field(default=None, description="No papers of this venue.")
    not_organisation: Text | Omitted = Field(default=None, description="No papers from this organisation.")

    @model_validator(mode="after")
    def _satisfiable(self) -> Self:
        try:
            self.to_filters()
        except ValueError as error:
            raise ValueError(f"The filters cannot be met: {error}") from None
        return self

    def to_filters(self) -> Filters:
        """Convert to Filters; raises ValueError where no paper could meet them."""
        return self._filters(self.least_authors, self.most_authors)

    def _filters(self, least_authors: int | None, most_authors: int | None) -> Filters:
        values = {each.name: getattr(self, each.name) for each in fields(Filters)}
        values |= {"least_authors": least_authors, "most_authors": most_authors}
        return Filters(**{**values, "coauthors": tuple(self.coauthors or ())})


class _OverrideFields(_Request):
    kind: Kind | Omitted = Field(default=None, description="Answer as this kind of question.")
    drop: Annotated[list[Droppable], BeforeValidator(_comma_separated)] | Omitted = Field(
        default=None,
        description="Constraints to lift that the question was understood to set, an excluded topic, an order or a "
        "count; of a follow-up the papers that it is about, or what it does to them.",
    )
    as_is: Flag | Omitted = Field(
        default=None, description="Take the question literally, reading no constraint out of it."
    )

    def _to_overrides(self, filters: Filters) -> Overrides:
        return Overrides(self.kind, filters, frozenset(self.drop or ()), bool(self.as_is))


class _FlatOverrides(_OverrideFields, _FilterFields):
    """The overrides beside the question, as a query string and the arguments of a tool have them."""

    def to_overrides(self) -> Overrides:
        """Convert to Overrides."""
        return self._to_overrides(self.to_filters())


class FiltersRequest(_FilterFields):
    """Constraints to set. The filters of an answer can be sent back as they are."""

    author_count: AuthorCount | Omitted = Field(
        default=None, description="least_authors and most_authors as an answer's filters give them."
    )

    def to_filters(self) -> Filters:
        """Convert to Filters; raises ValueError where no paper could meet them."""
        least, most = self.least_authors, self.most_authors
        if self.author_count is not None:
            if least is not None or most is not None:
                raise ValueError("author_count stands beside least_authors or most_authors")
            least, most = self.author_count.least, self.author_count.most
        return self._filters(least, most)


class OverridesRequest(_OverrideFields):
    """What replaces or lifts what the question is understood to ask."""

    filters: FiltersRequest = FiltersRequest()
    papers: Annotated[list[Text], Field(max_length=MAX_CITATIONS)] | Omitted = Field(
        default=None, description="Ids of the papers to answer from, in place of all papers."
    )

    def to_overrides(self) -> Overrides:
        """Convert to Overrides."""
        overrides = self._to_overrides(self.filters.to_filters())
        return replace(overrides, papers=tuple(self.papers or ()))


class CitedPaper(BaseModel):
    """A citation of an earlier answer, of which the id is read."""

    paper_id: Text


class TurnRequest(BaseModel):
    """An earlier question and its answer; the JSON of an answer is one as it is, and other fields are ignored."""

    question: Text
    answer: Text = ""
    citations: list[Text | CitedPaper] = Field(default=[], description="paper_ids, or the citations of an answer.")
    overrides: OverridesRequest = Field(default=OverridesRequest(), description="The overrides it was asked with.")

    model_config = ConfigDict(strict=True)

    def to_turn(self) -> Turn:
        """Convert to a Turn."""
        return Turn(self.question, self.answer, _cited_ids(self.citations), self.overrides.to_overrides())


def _cited_ids(citations: list[str | CitedPaper]) -> tuple[str, ...]:
    return tuple(each if isinstance(each, str) else each.paper_id for each in citations)


History = Annotated[
    list[TurnRequest], Field(max_length=MAX_TURNS, description="The conversation so far, oldest turn first.")
]
UseLlm = Annotated[Flag, Field(description="Whether a configured model writes the answer.")]


class _QuestionField(_Request):
    question: QuestionText


class SearchArguments(_FlatOverrides, _QuestionField):
    """The arguments of the MCP tool `search`."""

    k: HitCount = 20


class SearchParameters(SearchArguments):
    """The query parameters of a search."""

    question: QuestionText = Field(alias="q")


class AskArguments(_FlatOverrides, _QuestionField):
    """The arguments of the MCP tool `ask`."""

    history: History = []
    llm: UseLlm = True

    def to_question(self) -> QuestionRequest:
        """Convert to a question to run."""
        return _question(self, self.to_overrides())


class AskRequest(_Request):
    """A question, with what it is to be answered from and how."""

    question: QuestionText
    overrides: OverridesRequest = OverridesRequest()
    history: History = []
    llm: UseLlm = True
    stream: Flag = Field(default=False, description="Send server-sent events as they come.")

    def to_question(self) -> QuestionRequest:
        """Convert to a question to run."""
        return _question(self, self.overrides.to_overrides())


def _question(request: AskArguments | AskRequest, overrides: Overrides) -> QuestionRequest:
    history = tuple(turn.to_turn() for turn in request.history)
    return QuestionRequest(request.question, overrides, history, SessionSettings(written=request.llm))


class ExportParameters(_FilterFields):
    """The query parameters of an export."""

    format: ExportForm = Field(description="The form of the file: csl is CSL-JSON.")
    papers: Annotated[list[Text], BeforeValidator(_comma_separated)] | Omitted = Field(
        default=None, description="Ids of the papers, as of an answer or a selection; all papers without it."
    )


class PaperArguments(_Request):
    """The arguments of the MCP tool `paper`."""

    paper_id: Text = Field(description="The id, as search and ask return it.")


Name = Annotated[str, Field(max_length=_MAX_NAME_LENGTH), BeforeValidator(_encodable)]


class FeedbackReceipt(BaseModel):
    """The answer that a rating is about. Other fields are dropped."""

    question: QuestionText
    overrides: OverridesRequest | Omitted = None
    kind: Kind | Omitted = None
    filters: FiltersSchema | Omitted = None
    generation: Name | Omitted = None
    model: Name | None = None
    status: Status | Omitted = None
    citations: Annotated[list[Name | CitedPaper], BeforeValidator(_first_citations)] | Omitted = Field(
        default=None, description=f"paper_ids, or the citations of an answer; the first {MAX_CITATIONS} ids are kept."
    )

    model_config = ConfigDict(strict=True, json_schema_extra=_without_null_defaults)


class FeedbackRequest(BaseModel):
    """A rating of an answer."""

    verdict: Literal["up", "down"]
    reason: Annotated[str, Field(max_length=MAX_REASON_LENGTH), BeforeValidator(_encodable)] = ""
    receipt: FeedbackReceipt

    model_config = ConfigDict(strict=True)

    def to_json(self) -> dict[str, Any]:
        """Return what is stored."""
        receipt = self.receipt
        stored = receipt.model_dump(exclude_none=True)
        if receipt.overrides is not None:
            stored["overrides"] = overrides_to_json(receipt.overrides.to_overrides())
        if receipt.citations is not None:
            stored["citations"] = list(_cited_ids(receipt.citations))
        return {"verdict": self.verdict, "reason": self.reason.strip(), "receipt": stored}


# Responses


class ErrorResponse(BaseModel):
    """Any failure."""

    error: str = Field(description="One line that says what is wrong, and what to do.")


class NoticeSchema(BaseModel):
    """Something that was left out or failed."""

    code: str = Field(description="What it is, for programs.")
    text: str = Field(description="The same in words.")


class _PaperFields(BaseModel):
    paper_id: PaperId
    title: str
    url: str | None
    date: PaperDate


class HitSchema(_PaperFields):
    """A paper that was found."""

    rank: int = Field(description="From 1, best first.")
    score: float = Field(description="The probability that the paper belongs to the answer, from 0 to 1.")


QuoteVerdict = Literal["supported", "partial", "unsupported"]


class QuoteSchema(BaseModel):
    """A verbatim passage of an abstract."""

    text: str
    start: int = Field(description="Its first character's offset in the abstract.")
    end: int = Field(description="The offset after its last character.")
    verdict: QuoteVerdict | None = Field(
        description="Whether it supports what it is cited for; null if that is unsure or was not judged. No answer has "
        "“partial” any more."
    )


class CitationSchema(_PaperFields):
    """A paper that an answer cites, or a near miss."""

    n: int | None = Field(description="The number in the answer's markers; null for a near miss.")
    quotes: list[QuoteSchema]
    why: str | None = Field(description="What a model that screened the papers said of it.")
    score: float | None = Field(description="The probability that it belongs to the answer; null where records decide.")


class GroupSchema(BaseModel):
    """Papers of an answer under a name made of their own words."""

    name: str
    numbers: list[int] = Field(description="The numbers of its papers in the answer.")


class ThingSchema(BaseModel):
    """What is compared: a column."""

    name: str = Field(description="As the question names it.")
    numbers: list[int] = Field(description="The papers that introduce or test it; empty if none does.")


class CellSchema(BaseModel):
    """A quote of the paper [n]."""

    n: int
    quote: QuoteSchema


class AspectSchema(BaseModel):
    """A row of a comparison."""

    aspect: str
    cells: list[list[CellSchema]] = Field(description="For each thing the quotes on this aspect.")


class ComparisonSchema(BaseModel):
    """What is compared, side by side."""

    things: list[ThingSchema]
    rows: list[AspectSchema]


class SupportSchema(BaseModel):
    """The sentence of a paper on which a verdict rests."""

    n: int = Field(description="The paper's number in the answer.")
    start: int = Field(description="Its first character's offset in the abstract.")
    end: int = Field(description="The offset after its last character.")


class SentenceSchema(BaseModel):
    """A sentence that a model wrote, and whether the papers it cites support it."""

    start: int = Field(description="Its first character's offset in the answer.")
    end: int = Field(description="The offset after its last character.")
    citations: list[int] = Field(description="The numbers of the papers that it cites.")
    verdict: QuoteVerdict | Literal["uncited"] | None = Field(
        description="Null if the check is unsure, or if the sentence is about the answer itself."
    )
    reason: str | None = Field(
        description="Why it is not supported: not found in the abstract, or the abstract says otherwise; what it lacks."
    )
    origin: Origin
    support: list[SupportSchema] = Field(description="The sentences of the papers on which the verdict rests.")
    parts: list[SentenceSchema] = Field(
        description="Its clauses or table cells, where there are several, each with a verdict of its own."
    )


class _CostFields(BaseModel):
    calls: int
    prompt_tokens: int | None
    completion_tokens: int | None
    seconds: float


class StepUsage(_CostFields):
    """The cost of one step's calls to the endpoint."""


class UsageSchema(_CostFields):
    """The cost of all calls to the endpoint."""

    unknown_markers: int = Field(description="Markers that named no paper, and were removed.")
    steps: dict[str, StepUsage] = Field(description="The cost of each step that called the endpoint.")


class UnappliedSchema(BaseModel):
    """A part of the question that was not applied, what it states, and why not."""

    text: str
    tag: str
    reason: UnappliedReason


class ActionSchema(BaseModel):
    """What a follow-up does to the answer before it."""

    name: ActionName
    numbers: list[int] = Field(description="The papers that it names, by their numbers in that answer.")
    total: int = Field(description="How many papers that answer cited.")
    form: ExportForm | None = Field(description="What an export is written in.")
    brought: list[str] = Field(
        description="What a comparison brings in from outside of that answer, or the authors who wrote other papers."
    )
    lifted: list[str] = Field(description="The constraints that it lifts.")
    by: str | None = Field(
        description="What the papers are grouped by, kept for, or put first or last for; “dates” for a longer period."
    )
    text: str = Field(description="The same in words.")


class UnderstoodSchema(BaseModel):
    """The rest of what was understood of the question."""

    standalone: str | None = Field(description="A follow-up as a question of its own.")
    papers: list[str] = Field(description="The paper_ids that alone may be found; empty if all may.")
    text: str = Field(description="The words that were searched for.")
    further: list[str] = Field(description="Further texts that were searched for.")
    order: Order | None
    count: int | None = Field(description="How many papers were asked for.")
    subjects: list[str] = Field(description="The names that are compared or ordered.")
    excluded: list[str] = Field(description="The topics to which no paper may belong.")
    follow_up: FollowUp = Field(description="What the question does with the one before it.")
    action: ActionSchema | None = Field(description="What it does to the answer before it.")
    unsure: list[str] = Field(description="What was read with a probability below one half, as kind.")
    unapplied: list[UnappliedSchema] = Field(description="What the question states and was not applied.")
    mended: str | None = Field(description="The question with its typos mended, if it has any.")


NoticeText = Annotated[str | None, Field(description="A plain sentence if something was left out or failed.")]
NoticeList = Annotated[list[NoticeSchema], Field(description="The notice by its parts, each with a code.")]
Timings = Annotated[dict[str, float], Field(description="Wall-clock milliseconds by step.")]


class SearchResponse(BaseModel):
    """What a search found."""

    query: str = Field(description="The question.")
    kind: Kind
    filters: FiltersSchema
    understood: UnderstoodSchema
    hits: list[HitSchema]
    notice: NoticeText
    notices: NoticeList
    usage: UsageSchema
    timings_ms: Timings


class EstimatedMissingSchema(BaseModel):
    """A range for the number of papers that belong to a list and are not in it."""

    least: int
    most: int


class RelaxationSchema(BaseModel):
    """What lifting one constraint would find."""

    drop: Constraint
    papers: int = Field(description="How many papers meet the others.")


class AnswerResponse(BaseModel):
    """An answer."""

    question: str
    kind: Kind
    status: Status
    filters: FiltersSchema
    understood: UnderstoodSchema
    answer: str = Field(description="Markdown with [1] markers.")
    point: str = Field(description="The answer in one to three sentences, Markdown with [1] markers; may be empty.")
    groups: list[GroupSchema] = Field(description="The groups into which the papers fall, if they do.")
    comparison: ComparisonSchema | None = Field(description="What a question asks to compare, side by side.")
    citations: list[CitationSchema]
    sentences: list[SentenceSchema] = Field(description="The sentences that a model wrote, each with its verdict.")
    near_misses: list[CitationSchema] = Field(description="Papers that come near, and are not cited.")
    missed: EstimatedMissingSchema | None = Field(description="How many papers the list probably lacks.")
    relaxations: list[RelaxationSchema] = Field(
        description="Where no paper meets all constraints, what lifting each one would find."
    )
    model: str | None = Field(description="The model that wrote the answer.")
    reasoning: str | None = Field(description="What the model thought before it wrote, where the endpoint shows it.")
    notice: NoticeText
    notices: NoticeList
    usage: UsageSchema
    timings_ms: Timings


class LinkSchema(BaseModel):
    """A paper that uses a name which another paper introduces."""

    paper_id: PaperId = Field(description="The other paper.")
    title: str
    relation: Literal["builds_on", "compared_with", "mentions"]
    name: str = Field(description="The name of a system, data set or method.")
    start: int = Field(description="The offset of the sentence, in the abstract of the paper that uses the name.")
    end: int = Field(description="The offset after the sentence; both are 0 for a name in the title alone.")


class PaperResponse(BaseModel):
    """Everything that is known of a paper; what is not known is left out."""

    paper_id: PaperId
    title: str
    abstract: str = Field(description="As it was indexed, verbatim.")
    url: str | Omitted = None
    date: str | Omitted = None
    authors: list[str] | Omitted = None
    authors_complete: bool | Omitted = None
    author_count: int | Omitted = None
    organisation: str | Omitted = None
    venue: str | Omitted = None
    code: str | Omitted = Field(default=None, description="A link to the code.")
    data: str | Omitted = Field(default=None, description="A link to the data.")
    comments: int | Omitted = None
    pages: list[str] | Omitted = None
    doi: str | Omitted = None
    pmid: str | Omitted = None
    key: str | Omitted = Field(default=None, description="The citation key that the file it was read from gives it.")
    entry_type: str | Omitted = Field(default=None, description="The BibTeX word for what was published.")
    urls: list[str] | Omitted = Field(default=None, description="Addresses beside url, as of the published record.")
    bibliography: dict[str, str] | Omitted = Field(default=None, description="Further fields by their BibTeX names.")
    links: list[LinkSchema] = Field(description="The papers whose names this one uses.")
    linked_from: list[LinkSchema] = Field(description="The papers that use a name of this one.")

    model_config = ConfigDict(json_schema_extra=_without_null_defaults)


class StatusResponse(BaseModel):
    """The state of the server."""

    ready: bool = Field(description="Whether questions are answered now.")
    message: str = Field(description="What is loading or failed; empty if nothing is.")
    papers: int = Field(description="How many papers the index holds.")
    generation: str | None = Field(description="The index in use.")
    model: str | None = Field(description="The model that is configured to write answers.")


class FeedbackResponse(BaseModel):
    """The rating was stored."""

    kept: Literal[True]


# Server-sent events


class WaitingEvent(BaseModel):
    """Event `waiting`: the search has not begun."""

    ahead: int = Field(description="How many searches are ahead; 0 while the models are being loaded.")


class FirstHitsEvent(BaseModel):
    """Event `first_hits`: what was understood, and the first papers; those of `retrieved` replace them."""

    question: str
    kind: Kind
    filters: FiltersSchema
    understood: UnderstoodSchema
    hits: list[HitSchema]


class RetrievedEvent(FirstHitsEvent):
    """Event `retrieved`: what was understood and found, before anything is written."""

    evidence: list[CitationSchema] = Field(description="The papers that the answer is to rest on.")


class TokenEvent(BaseModel):
    """Event `token`: a piece of the answer's text."""

    text: str


EVENT_MODELS: Mapping[str, type[BaseModel]] = {
    "waiting": WaitingEvent,
    "first_hits": FirstHitsEvent,
    "retrieved": RetrievedEvent,
    "cited": CitationSchema,
    "token": TokenEvent,
    "checked": SentenceSchema,
    "done": AnswerResponse,
    "error": ErrorResponse,
}
"""The data of each server-sent event, by its name."""
