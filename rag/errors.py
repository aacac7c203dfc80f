"""The errors that users can meet; each message names the object, the value and the remedy.

- CitedeskError
  - UsageError          an invalid command, question or setting (exit code 2)
  - CorpusError         a file of papers that cannot be read
  - IndexMissing        no index has been built
  - IndexFailed         an index that cannot be written or read
  - ModelUnavailable    a model that cannot be found or loaded
  - ModelFailed         a model that could not encode or score a text
  - LLMFailed           an endpoint that did not answer
    - OnlyReasoning     it sent a model's reasoning, but no answer
    - ContextOverflow   the request exceeded its model's context window
"""

from __future__ import annotations

REBUILD = "Rebuild it from its papers: `citedesk index --rebuild PATH`."
OTHER_HOME = "Run this as the user who owns it, or set CITEDESK_HOME to another folder."


class CitedeskError(Exception):
    """Base class of all errors that are shown to the user as a single line."""

    exit_code = 1


class UsageError(CitedeskError):
    """An invalid command, question or setting."""

    exit_code = 2


class CorpusError(CitedeskError):
    """A file without readable papers."""


class IndexMissing(CitedeskError):
    """No index has been built in the configured folder."""


class IndexFailed(CitedeskError):
    """An index that could not be written, or is damaged."""


class ModelUnavailable(CitedeskError):
    """A model that is not installed, not found or not the expected one."""


class ModelFailed(CitedeskError):
    """A model that could not encode or score a text."""


class LLMFailed(CitedeskError):
    """An endpoint that could not be reached, refused the request, or failed during its reply."""


class OnlyReasoning(LLMFailed):
    """A reply that ended after the model's reasoning, before an answer began."""


class ContextOverflow(LLMFailed):
    """A request that exceeds the model's context window; one with less evidence may fit."""
