"""What each refusal means in words, and what to do about it (pure)."""

from __future__ import annotations

from urllib.parse import urlsplit

from rag.llm.plain import quoted
from rag.llm.refusals import Refusal
from rag.settings import Settings


def explain_refusal(refusal: Refusal, settings: Settings) -> str:
    """Say what a refusal means, as the rest of a sentence that begins with the endpoint."""
    if refusal.overflows:
        return _overflow(refusal, settings)
    said = ": ".join(filter(None, (_status(refusal), quoted(refusal.text, settings.llm_api_key))))
    if refusal.status in _MEANINGS:
        return _MEANINGS[refusal.status].format(said=said, status=_status(refusal), key=_key(settings))
    if refusal.status == 404 or _lacks_model(refusal, settings):
        return _not_found(refusal, settings, said)
    if refusal.status == 429:
        return _limited(refusal, said)
    if refusal.location is not None or 300 <= (refusal.status or 0) < 400:
        return _redirect(refusal)
    if (refusal.status or 0) >= 500:
        return f"failed ({said}); look at the server's own log"
    remedy = ": lower CITEDESK_LLM_MAX_TOKENS" if "max_tokens" in refusal.body else ""
    return f"refused the request ({said}){remedy}"


_MEANINGS = {
    401: "refused the key ({status}): {key}",
    402: "wants to be paid ({said}): look at the account that CITEDESK_LLM_API_KEY belongs to",
    403: "refused access ({said}): may the key of CITEDESK_LLM_API_KEY use this model?",
    408: "gave up waiting for the request ({said}); try again",
    502: "stands behind a gateway that cannot reach it ({said}); is the server itself running?",
    503: "is not ready ({said}); try again, perhaps its model is still being loaded",
    504: "stands behind a gateway that gave up waiting for it ({said}); try again, or look at the server's own log",
}


def _status(refusal: Refusal) -> str:
    name = "error in its stream" if refusal.streamed else "HTTP"
    return f"{name} {refusal.status}" if refusal.status else name


def _key(settings: Settings) -> str:
    return "check CITEDESK_LLM_API_KEY" if settings.llm_api_key else "set CITEDESK_LLM_API_KEY"


def _overflow(refusal: Refusal, settings: Settings) -> str:
    window = refusal.window
    if window and window < settings.llm_context:
        remedy = f"set CITEDESK_LLM_CONTEXT ({settings.llm_context}) to {window}"
    else:
        remedy = f"set CITEDESK_LLM_CONTEXT ({settings.llm_context}) to what its model holds"
    return f"was sent more than its model's context window holds ({_status(refusal)}): {remedy}"


def _lacks_model(refusal: Refusal, settings: Settings) -> bool:
    body = refusal.body.lower()
    name = (settings.llm_model or "").lower()
    return refusal.status in (400, 404, None) and (
        "model_not_found" in body
        or "not a valid model" in body
        or ("model" in body and (name in body or "no model" in body) and ("not found" in body or "not exist" in body))
    )


def _not_found(refusal: Refusal, settings: Settings, said: str) -> str:
    if _lacks_model(refusal, settings):
        return f"has no model {settings.llm_model!r} ({_status(refusal)}): check CITEDESK_LLM_MODEL"
    if "model" in refusal.body.lower():
        return f"has no such address or model ({said}): check CITEDESK_LLM_BASE_URL and CITEDESK_LLM_MODEL"
    return f"has nothing at this address ({_status(refusal)}): check CITEDESK_LLM_BASE_URL, which often ends in /v1"


def _limited(refusal: Refusal, said: str) -> str:
    if refusal.retry_after is not None:
        return f"wants to be asked less often ({_status(refusal)}): try again in {refusal.retry_after:.0f} s"
    if "quota" in refusal.body.lower():
        return f"says that the quota is used up ({said})"
    return f"wants to be asked less often ({said}): try again later"


def _redirect(refusal: Refusal) -> str:
    to = urlsplit(refusal.location or "")
    host = f" to {to.scheme}://{to.netloc.rpartition('@')[2]}" if to.netloc else ""
    return f"redirects{host} ({_status(refusal)}), and is not followed: set CITEDESK_LLM_BASE_URL to where it really is"
