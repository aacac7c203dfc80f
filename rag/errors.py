"""The errors a user can meet; each message names the thing, the value and the remedy.

- CitedeskError
  - UsageError          the command or a setting cannot mean anything (exit code 2)
  - CorpusError         a file of papers cannot be read as one
  - IndexMissing        there is no index yet
  - IndexFailed         an index cannot be written or read
  - ModelUnavailable    a model cannot be found or loaded
  - ModelFailed     a model could not embed or score a text
  - LLMFailed           the endpoint did not give an answer
    - ContextOverflow   it was sent more than its model can hold
"""

from __future__ import annotations

REBUILD = "Build it anew from its papers: `citedesk index --rebuild PATH`."


class CitedeskError(Exception):
    """Base of all errors that are shown to the user as one line."""

    exit_code = 1


class UsageError(CitedeskError):
    """A command, question or setting that cannot be carried out as given."""

    exit_code = 2


class CorpusError(CitedeskError):
    """A file that holds no papers that can be read."""


class IndexMissing(CitedeskError):
    """No index has been built where one was looked for."""


class IndexFailed(CitedeskError):
    """An index that could not be written, or is damaged."""


class ModelUnavailable(CitedeskError):
    """A model that is not installed, not found or not what it should be."""


class ModelFailed(CitedeskError):
    """A text that a model could not turn into a vector or a score."""


class LLMFailed(CitedeskError):
    """An endpoint that could not be reached, refused, or broke off."""


class OnlyReasoning(LLMFailed):
    """A reply that held a model's reasoning, and ended before its answer began."""


class ContextOverflow(LLMFailed):
    """A request of more tokens than the model's context window holds; one with less evidence may fit."""
