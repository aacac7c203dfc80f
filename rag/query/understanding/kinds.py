"""Classify a question by kind, from its wording alone; unclear questions are lists or facts."""

from __future__ import annotations

import re

from rag.query.understanding.lookups import is_half_remembered
from rag.query.understanding.mentions import FILLER, NUMBER, PAPER, PEOPLE, WORK
from rag.types import Kind

_WORKS = (
    r"(?:papers|works|studies|articles|abstracts|preprints|publications|surveys|methods|approaches|techniques|systems"
    r"|frameworks|algorithms"
    r"|optimi[sz]ers|tools|models|benchmarks|datasets|tricks|ways|projects|libraries|ideas|strategies|solutions|options"
    r"|alternatives|attempts|experiments|architectures|researchers|groups|people|schemes|kernels|compilers|agents"
    r"|teams)"
)
_MEASURE = (
    r"(?:accurac(?:y|ies)|speed-?ups?|rates?|scores?|numbers?|gains?|improvements?|share|fraction|percentage|ratios?"
    r"|cost|price"
    r"|throughput|latency|size|memory|perplexity|recall|precision|error|energy|power|budget|factor|bandwidth"
    r"|resolution|utili[sz]ation|speed(?!\s+up\b)|(?:gpu|tpu|cpu|card|node)[-\s]?(?:hours|days)|runtime)"
)
# Words that cannot occur between "which" and the plural it asks for: verbs, prepositions, and plural subjects.
_NO_MODIFIER = (
    r"(?:do|does|did|is|was|are|were|can|has|have|the|a|an|for|in|on|of|at|by|to|with|from|paper|article|work|study"
    r"|that"
    r"|who)\b|\w+[^\Wsui]s\b"
)
_PAPERS = r"(?:papers|articles|preprints|publications|works|studies|abstracts|surveys)"
_AGREE = r"[^?.]*\b(?:dis)?(?:agree|differ|compare)"
_OFF_TOPIC = tuple(
    re.compile(
        rf"{FILLER}(?:{pattern})[\s?!.,]*(?:today|please|there|now|again|so\s+much|very\s+much|a\s+lot)?[\s?!.)]*$",
        re.IGNORECASE,
    )
    for pattern in (
        r"(?:hi|hello|hey|howdy|greetings|good\s+(?:morning|afternoon|evening|night|day)|thanks?(?:\s+you)?|cheers"
        r"|bye|goodbye|ok(?:ay)?"
        r"|yes|no|sure|great|cool|nice|wow|lol|test(?:ing)?|help|sorry|see\s+you)(?:\s+(?:there|all|everyone|you|bot"
        r"|assistant|for\s+.{1,40}|then|later))*",
        r"(?:how(?:['’]s|\s+is)\s+(?:it\s+going|life)|how\s+are\s+you(?:\s+doing|\s+feeling)?|what(?:['’]s"
        r"|\s+is)\s+up|nice\s+to\s+meet\s+you)",
        r"(?:who|what)\s+(?:are|made|created|built|trained)\s+you|are\s+you\s+(?:a\s+|an\s+)?(?:robot|human|bot|ai"
        r"|chatbot|real|there|sentient|alive|ok(?:ay)?|chatgpt|person)\b.{0,20}",
        r"(?:what(?:['’]?s|\s+is)\s+your\s+(?:name|age|favou?rite\s+.{1,30})|how\s+old\s+are\s+you"
        r"|where\s+are\s+you\s+from|what\s+can\s+you\s+do|what\s+do\s+you\s+do"
        r"|who\s+is\s+your\s+(?:maker|creator|owner)|what\s+(?:model|llm)\s+are\s+you|do\s+you\s+(?:love|like"
        r"|hate)\s+.{1,30}|introduce\s+yourself|tell\s+me\s+about\s+yourself)",
        r"(?:tell|write|sing|make\s+up|give|read)\s+(?:me\s+|us\s+)?(?:a|an|another|some)\s+(?:\w+\s+)?(?:joke|poem"
        r"|song|story|limerick|haiku|riddle|recipe|pun|compliment)s?\b.{0,60}",
        r"(?:what(?:['’]?s|\s+is|\s+will)|how(?:['’]s|\s+is))\s+the\s+weather\b(?!\s+(?:model|forecast"
        r"|predict)).{0,40}|will\s+it\s+(?:rain|snow)\b.{0,30}",
        r"what\s+(?:time|day|date)\s+is\s+it\b.{0,20}|what(?:['’]s|\s+is)\s+(?:the\s+)?(?:time|date"
        r"|day)(?:\s+(?:today|now))?",
        r"can\s+you\s+help(?:\s+me)?(?:\s+with\s+something)?|(?:that|this|it)\s+(?:was|is)\s+(?:very\s+"
        r"|really\s+)?(?:helpful|great|useful|wrong)",
        r"(?:can|do)\s+you\s+(?:speak|hear|see|understand|sing|dance|dream|sleep|eat)\b.{0,30}",
        r"i\s+(?:love|like|hate|miss)\s+you|i['’]?\s*a?m\s+(?:bored|hungry|tired|sad|happy)|good\s+(?:bot|job)"
        r"|well\s+done",
    )
)
_LISTS = tuple(
    re.compile(rf"{FILLER}(?:{pattern})", re.IGNORECASE)
    for pattern in (
        rf"how\s+(?:do|does|did|have)\s+(?:the\s+|these\s+|any\s+)?(?:[\w-]+\s+){{0,3}}?{_PAPERS}\b(?!{_AGREE})",
        rf"(?:what|which)\s+[^?.]*?\bdo\s+(?:the\s+|these\s+)?(?:[\w-]+\s+){{0,4}}?{_PAPERS}\b(?!{_AGREE})",
        rf"(?:what|which)\s+[^?.]*?\bdo\s+[^?.]*?{_WORKS}\s+(?:here|in\s+(?:this|the|your)\s+(?:collection|library|corpus))\b",
        r"(?:what|which)\s+[^?]*\bare\s+(?:presented|described|reported|discussed|covered|proposed|introduced|mentioned)"
        r"(?:\s+here)?\s*[?.]*$",
        r"how\s+(?:should|can|could|might)\s+(?-i:(?!(?:the\s+)?[A-Z]))[^?]*\bbe\b",
        r"(?:can|could)\s+(?-i:(?:[a-z][\w-]*\s+){0,2}[a-z][\w-]*[^\Wsu]s)\b(?<!\bthis)(?<!\bits)",
        r"where\s*\?*$|what\s+else\b|what(?:['’]?s|\s+is)\s+in\s+(?:here|there|(?:the|this|your)\s+(?:collection|library|corpus))\b",
        rf"how\s+many\s+(?:of\s+(?:them|these|those)|(?:[\w-]+\s+){{0,3}}?{PAPER})\b",
        rf"what\s+(?:are|were)\s+(?:the\s+|some\s+)?(?:[\w-]+\s+){{0,3}}?{_WORKS}\b",
        rf"(?:which|what)\s+(?:of\s+(?:the|these"
        rf"|those)\s+)?(?:(?!{_NO_MODIFIER})[\w/+.-]+\s+){{0,5}}?{_WORKS}\b(?!\s+(?:does"
        rf"|did)\b)(?!\s+(?:[\w-]+\s+)?{_MEASURE}\b)",
        r"(?:(?:can|could|would)\s+you\s+)?(?:please\s+)?(?:list|enumerate|recommend|suggest|show\s+me|give\s+me"
        r"|find)\b",
        r"(?:who|whom)\s+(?:else\s+)?(?!wrote\b|authored\b|invented\b|won\b|is\s+the\b|was\s+the\b|coined\b"
        r"|proposed\s+(?:the\s+)?[A-Z])",
        r"(?:has|have|is|does|did|do|are|can)\s+(?:there\s+)?(?:any(?:one|body|thing|where)?|some(?:one|body"
        r"|thing))\b|any(?:one|body|thing)?\b",
        r"(?:is|are)\s+there\b|where\s+(?:has|have|is|are|was|were|does|do)\b",
        r"(?:what|which)\s+(?:else\s+)?(?:does|do|has|have|is)\s+(?:the|this|your|our|my)\s+(?:collection|library"
        r"|corpus)\b|(?:does|has|is)\s+(?:the|this)\s+(?:collection|library|corpus)\b",
        rf"ways?\s+(?:to|of|in)\b|how\s+(?:can|could|do|would|should|might)\s+{PEOPLE}\b|how\s+to\b|what\s+(?:can"
        rf"|could)\s+(?:i|we|one)\s+(?:do|use)\b",
        r"(?:can|could)\s+(?:a|an|language\s+models|llms|neural\s+(?:nets|networks)|machines|ai|models|we|one|i|you)\b",
        rf"do\s+you\s+(?:know|have)\b|everything\b|all\s+{_WORKS}\b|{_WORKS}\b|tell\s+me\s+(?:about"
        rf"|everything)\s+(?![A-Z])|summari[sz]e\s+what\b",
        r"what\s+(?:has|have)\s+(?:been|people|others)\b|what(?:\s+is|\s+are|['’]?s)\s+(?:out\s+)?there\b"
        r"|what\s+(?:work|research|progress)\b(?!\s+(?:does|did)\b)|what\s+(?:did|has"
        r"|does)\s+(?:[A-Z][\w.-]+\s+){0,3}(?:write|written|publish|published)\b",
    )
)
_PEOPLE_DO = re.compile(
    rf"\bhow\s+do\s+{PEOPLE}\b|\b(?:what|which)\s+(?:tricks|tools|methods|ways|techniques|approaches)\b", re.IGNORECASE
)
_COMPARE = re.compile(
    r"\b(?:versus|vs\.?)(?=\s|$)|\bdiffer(?:s|ed)?\b|\b(?:are|is)\b[^?.]*\band\b[^?.]*\bdifferent\b(?!\s+able)"
    r"|\b(?:differences?|distinction)\s+(?:between|in\s+how)\b|(?:^"
    r"|[.?!:;]\s+)(?:please\s+)?(?:contrast|compare)\b"
    r"|\b(?:do|does|did|are)\b[^?.]*\b(?:dis)?agree(?:ment)?\b|\bsame\s+(?:verdict|conclusion|answer|result)s?\b"
    r"|\b(?:really|actually)\s+(?:beat|outperform|better|faster)\b|^(?:does|do|did|can|is|are)\s+[^?]*?\b(?:beat"
    r"|outperform|surpass|better\s+than|faster\s+than)\b"
    r"|\bhow\s+(?:do|does)\s+[^?.]*\bcompare\b|\bwhich\s+(?:one\s+)?(?:is|was|works|performs)\s+(?:better|best"
    r"|faster|cheaper)\b.*\bor\b|\bside\s+by\s+side\b|\bin\s+contrast\s+to\b"
    r"|\bhow\s+(?:did|does|do|has|have)\b[^?.]*\b(?:change|evolve)d?\b[^?.]*\bfrom\b[^?.]*\bto\b"
    rf"|\bone\s+(?:[\w-]+\s+){{0,2}}?(?:{WORK}\b|(?:say|claim|prove|show|find|report|use|argue)s\b)[^?]*"
    r"(?:[,;]|\b(?:and|while|but|whereas))\s+(?:another|the\s+other|a\s+second)\b[^?]*[.;:]\s[^?]*\?",
    re.IGNORECASE,
)
_ALTERNATIVES = re.compile(r":\s+(?:after|at|for|in|on|within|from|by)\s+(?:how\s+\w+|what|which)\b", re.IGNORECASE)
_EACH = re.compile(r"\b(?:each|both|respectively|they|their|differ\w*)\b", re.IGNORECASE)
_SEVERAL = re.compile(
    rf"\b(?:two|three|four|five|both)\s+(?:[\w-]+\s+){{0,3}}?{_WORKS}\b.*[.?!;:]\s.*\b(?:each|all\s+{NUMBER}"
    rf"|all\s+of|both|their|they)\b",
    re.I,
)
_QUANTITY = (
    rf"(?:how\s+(?:many|much|long|fast|big|large|small|accurate|often|far|well|good|old|deep|high|low|expensive"
    rf"|cheap|close|soon|quick\w*|short|little|slow|strong|wide|precise|tall|hot|cold|heavy)|(?:what|which)\s+(?:[\w-]+\s+){{0,3}}?{_MEASURE})\b"
)
_FACT = re.compile(
    rf"{FILLER}(?:(?:on|in|at|by|for|with|from|to|of|under|after|during)\s+[^?]*?\b)?(?:{_QUANTITY}|when|why|what"
    rf"|which|who|whose|where|how|explain|describe|tell\s+me\s+(?:how|why|what|when|whether))\b"
    rf"|\b(?:by\s+)?{_QUANTITY}[^?]*\?",
    re.IGNORECASE,
)
_OF_ONE = re.compile(
    rf"{FILLER}(?:the\s+)?(?:[\w/-]+\s+){{0,4}}?{_MEASURE}(?:\s+(?:use|usage|consumption|draw))?\s+(?:(?:of|for|on)\s+(?:the\b|an?\b|(?-i:[A-Z][\w-]*[A-Z0-9]))"
    rf"|(?:needed|required|taken)\b|(?:of|for|on|when)\b[^?]*\?)",
    re.IGNORECASE,
)
_FINDINGS = re.compile(
    r"^(?:please\s+)?(?:list|give|name|show|state|summari[sz]e)\s+(?:me\s+)?(?:the\s+)?(?:[\w-]+\s+)?(?:findings|results"
    r"|conclusions|contributions|claims|numbers)\s+(?:of|in|from)\s+(?!(?:the\s+|all\s+)?(?:[\w-]+\s+)*papers\b)",
    re.IGNORECASE,
)
_SO_MANY = re.compile(
    rf"{FILLER}(?:which|what)\s+{NUMBER}\s+(?!{_PAPERS})[^?]*[,;]\s+and\s+[^?]*\b{_QUANTITY}", re.IGNORECASE
)
_LEAD = re.compile(
    r"^(?:[^:?]{3,200}:\s+|[^?]{3,200}\s[-–—]\s+|(?:when|if|since|because|while|as|given|besides|apart\s+from)\b[^,?]*,\s+)"
    r"(?=(?:and\s+)?(?:what|which|who|where|how|why|when|can|does|do|is|are|has|have|any\w*)\b)",
    re.IGNORECASE,
)
_SENTENCE = re.compile(
    r"(?<=[.?!:])(?<!\bi\.e\.)(?<!\be\.g\.)(?<!\bvs\.)(?<!\betc\.)(?<!\bcf\.)(?<!\bal\.)\s+(?=[A-Z])"
)
_FIRST_QUANTITY = re.compile(rf"{FILLER}(?:(?:on|in|at|by|for|to)\s+[^?]{{0,60}}?\b)?{_QUANTITY}", re.IGNORECASE)
_YES_NO = re.compile(rf"{FILLER}(?:is|are|was|were|does|do|did|has|have|can|could|will|would|should)\b", re.IGNORECASE)
_TITLE = re.compile(r"^[\"“']?[A-Z0-9][^?\n]{15,}$")
_SMALL = frozenset(
    "a an and as at by for from in into is of on or over the to via vs with without be are can not".split()
)


def is_off_topic(question: str) -> bool:
    """Return whether a question is small talk, is about the assistant, or contains no word."""
    return not re.search(r"[^\W\d_]{2}|\d{4}\.\d{4}", question) or any(
        pattern.match(question) for pattern in _OFF_TOPIC
    )


def kind_of(question: str, subjects: tuple[str, ...], ordered: bool) -> Kind:
    """Return the kind of a question with a topic.

    `subjects` are the names that it compares; `ordered` is whether it asks for an order by date.
    """
    if _FINDINGS.search(question):
        return "fact"
    if not ordered and is_lookup(question):
        return "lookup"
    sentences = _SENTENCE.split(question)
    asked = (question, _LEAD.sub("", question), _LEAD.sub("", sentences[-1]))
    if _asks_for_list(asked) and not _COMPARE.search(" ".join(sentences[1:])) and not _SEVERAL.search(question):
        return "list"
    if _compares(question, subjects):
        return "compare"
    if ordered or _PEOPLE_DO.search(question):
        return "list"
    if any(map(_FACT.search, asked)) or _YES_NO.match(question) or _OF_ONE.search(question):
        return "fact"
    return "fact" if "?" in question and len(sentences) > 1 else "list"


def _asks_for_list(asked: tuple[str, ...]) -> bool:
    return not _SO_MANY.search(asked[0]) and any(pattern.match(text) for pattern in _LISTS for text in asked)


def _compares(question: str, subjects: tuple[str, ...]) -> bool:
    """Return whether a question compares things, and does not only name them in asking for one quantity."""
    if _SEVERAL.search(question) or len(subjects) > 2:
        return True
    if subjects and question.lower().startswith("which"):
        return True
    if _ALTERNATIVES.search(question) and not _EACH.search(question):
        return False
    return not _FIRST_QUANTITY.match(question) and (bool(subjects) or bool(_COMPARE.search(question)))


def is_lookup(question: str) -> bool:
    """Return whether a question looks for one half-remembered paper, or is itself a title."""
    return is_half_remembered(question) or _is_title(question)


def _is_title(question: str) -> bool:
    words = [word for word in re.findall(r"[^\W_][\w'’-]*", question) if word.lower() not in _SMALL]
    capitals = sum(not word[0].islower() for word in words)
    return (
        bool(_TITLE.match(question))
        and len(words) >= 4
        and capitals >= 0.8 * len(words)
        and not _FACT.match(question)
        and not _COMPARE.search(question)
    )
