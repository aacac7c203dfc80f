"""An answer's notice as it is said where buttons, and not the command line's flags, lift a constraint (pure)."""

from __future__ import annotations

import re

from rag.answer import Answer
from rag.query.overrides import describe_filters

_FLAGS = re.compile(r" (?:Papers that meet the rest: |Lift one with --drop ).*", re.DOTALL)


def notice_of(answer: Answer) -> str:
    """Give the notice without what lifting each constraint would give, and by which flag; "" where there is none."""
    if not answer.relaxations:
        return answer.notice or ""
    return _FLAGS.sub("", answer.notice or "") or f"No paper is {describe_filters(answer.query.filters)}."
